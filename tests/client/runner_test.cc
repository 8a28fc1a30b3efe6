#include "client/runner.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>

#include "client/model/builtin.h"
#include "client/model/threads.h"
#include "common/random.h"
#include "common/step.h"
#include "tests/client/captured_log.h"
#include "tests/client/data_source.h"
#include "tests/client/local_server.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

// A federation of one client: the decision is its ballot, or, for an observer, all plus.
class EchoServer {
 public:
  explicit EchoServer(uint64_t rounds) : rounds_(rounds), bundle_(*MakeBuiltin("mlp", 0)) {}

  grpc::Status operator()(Stream* stream) {
    ++streams_;
    v1::ClientMessage message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    const bool voter = message.join().role() == v1::VOTER;
    Greet(stream, message.join());
    while (round_ < rounds_) {
      if (!Round(stream, voter) && reason.empty()) return {grpc::StatusCode::UNAVAILABLE, "cut"};
      if (!reason.empty()) return grpc::Status::OK;
    }
    while (stream->Read(&message) && !message.has_leave()) Note(message);
    v1::ServerMessage farewell;
    farewell.mutable_farewell()->set_reason(v1::Farewell::FINISHED);
    stream->Write(farewell);
    return grpc::Status::OK;
  }

  void Greet(Stream* stream, const v1::Join& join) {
    v1::ServerMessage message;
    v1::Welcome& welcome = *message.mutable_welcome();
    welcome.set_session("token");
    welcome.set_client_id(ClientId(join.name()));
    welcome.set_run("run");
    welcome.set_round(round_);
    welcome.mutable_config()->set_parameters(bundle_.parameters.values.size());
    welcome.mutable_config()->set_blocks(1);
    welcome.mutable_config()->set_dither(2);
    welcome.mutable_config()->set_rounds_total(rounds_);
    for (const TensorShape& tensor : bundle_.parameters.tensors) {
      v1::Tensor& added = *welcome.add_tensors();
      added.set_name(tensor.name);
      for (const uint64_t size : tensor.shape) added.add_shape(size);
    }
    welcome.set_model_sha256(bundle_.module_sha256);
    welcome.set_model_size(bundle_.module.size());
    stream->Write(message);
    constexpr size_t kChunk = 100000;
    for (size_t at = 0; join.model_sha256() != bundle_.module_sha256 && at < bundle_.module.size(); at += kChunk) {
      message.mutable_model()->set_offset(at);
      message.mutable_model()->set_data(bundle_.module.substr(at, kChunk));
      stream->Write(message);
    }
    std::vector<float>& x = bundle_.parameters.values;
    for (size_t at = 0; !join.has_fingerprint() && at < x.size(); at += kChunk / 4) {
      const size_t count = std::min(kChunk / 4, x.size() - at);
      message.mutable_parameters()->set_offset(at);
      message.mutable_parameters()->set_round(round_);
      message.mutable_parameters()->set_data(&x[at], count * 4);
      message.mutable_parameters()->set_last(at + count == x.size());
      *message.mutable_parameters()->mutable_fingerprint() = ToProto(FingerprintOf(x));
      stream->Write(message);
    }
  }

  std::vector<v1::Evaluation> evaluations;
  std::string reason;  // why the client left, once it said so
  std::atomic<int> disagreements = 0;
  uint64_t cut_after_opening = 0;  // the stream breaks once, when this round has been opened
  int streams() const { return streams_; }

 private:
  bool Round(Stream* stream, bool voter) {
    std::vector<float>& x = bundle_.parameters.values;
    v1::ServerMessage message;
    message.mutable_round_open()->set_round(round_ + 1);
    message.mutable_round_open()->set_vote(voter);
    stream->Write(message);
    if (std::exchange(cut_after_opening, cut_after_opening == round_ + 1 ? 0 : cut_after_opening) == round_ + 1) {
      return false;
    }
    SignVector signs{std::vector<uint64_t>(WordsFor(x.size()), 0), {}};
    v1::ClientMessage answer;
    if (voter) {
      do {  // before it comes Applied of the parameters it was given
        if (!stream->Read(&answer)) return false;
        Note(answer);
        if (answer.has_leave()) return false;
      } while (!answer.has_ballot());
      EXPECT_EQ(answer.ballot().round(), round_ + 1);
      EXPECT_TRUE(DecodeSigns(answer.ballot().signs(), x.size(), {}, &signs).ok());
    }
    ++round_;
    v1::DecisionBlock& decision = *message.mutable_decision();
    decision.set_round(round_);
    decision.set_step(1e-3f);
    decision.set_decay(1);
    EncodeSigns(signs.signs, signs.zeros, {}, decision.mutable_signs());
    stream->Write(message);
    ApplyDecision(signs.signs, signs.zeros, {1e-3f, 1}, x);
    message.mutable_round_closed()->set_round(round_);
    *message.mutable_round_closed()->mutable_fingerprint() = ToProto(FingerprintOf(x));
    stream->Write(message);
    do {
      if (!stream->Read(&answer)) return false;
      Note(answer);
      if (answer.has_leave()) return false;
    } while (answer.applied().round() != round_);
    disagreements += FromProto(answer.applied().fingerprint()) != FingerprintOf(x);
    return true;
  }

  void Note(const v1::ClientMessage& message) {
    if (message.has_leave()) reason = message.leave().reason();
    if (message.has_evaluation()) evaluations.push_back(message.evaluation());
  }

  const uint64_t rounds_;
  ModelBundle bundle_;
  uint64_t round_ = 0;
  int streams_ = 0;
};

ClientOptions Options(const LocalServer& server, v1::Role role) {
  StartTorch(1);
  ClientOptions options;
  options.servers = {server.address()};
  options.session = {"ada", role, 64, 0, 4};
  options.data.source = *ParseSource("{format: digits}");
  return options;
}

std::unique_ptr<Credentials> PlainText() { return *Credentials::Load({}); }

ExitCode RunVoter(const ClientOptions& options) {
  Inbox inbox;
  const auto trainer = Trainer::Make(options);
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return Runner(options, trainer->get(), nullptr, PlainText().get(), &inbox).Run();
}

ExitCode RunObserver(const ClientOptions& options) {
  Inbox inbox;
  const auto evaluator = Evaluator::Make(options, [&](uint64_t round, const absl::StatusOr<v1::Evaluation>& result) {
    inbox.Post(event::EvaluationDone{round, result});
  });
  EXPECT_TRUE(evaluator.ok()) << evaluator.status();
  return Runner(options, nullptr, evaluator->get(), PlainText().get(), &inbox).Run();
}

TEST(Runner, AVoterTakesPartToTheEnd) {
  EchoServer echo(30);
  LocalServer server(std::ref(echo));
  EXPECT_EQ(RunVoter(Options(server, v1::VOTER)), kExitOk);
  EXPECT_EQ(echo.disagreements, 0);
}

TEST(Runner, AServerMayListenOnASocketOfThisMachine) {
  const TemporaryDirectory directory;
  EchoServer echo(3);
  LocalServer server(std::ref(echo), "unix:" + (directory / "clients"));
  EXPECT_EQ(RunVoter(Options(server, v1::VOTER)), kExitOk);
  EXPECT_EQ(echo.streams(), 1);
}

TEST(Runner, AVoterComesBackAndVotesInTheOpenRound) {
  EchoServer echo(10);
  echo.cut_after_opening = 5;
  LocalServer server(std::ref(echo));
  EXPECT_EQ(RunVoter(Options(server, v1::VOTER)), kExitOk);
  EXPECT_EQ(echo.streams(), 2);
  EXPECT_EQ(echo.disagreements, 0);
}

TEST(Runner, AServerThatBreaksOffInTheMiddleIsNotTakenForOneThatWantsTls) {
  for (const bool spoke : {false, true}) {
    EchoServer echo(3);
    std::atomic<int> streams = 0;
    LocalServer server([&](Stream* stream) -> grpc::Status {
      v1::ClientMessage message;
      if (streams++ > 0) return echo(stream);
      stream->Read(&message);
      if (spoke) echo.Greet(stream, message.join());
      return {grpc::StatusCode::UNAVAILABLE, "Socket closed"};
    });
    const CapturedLog log;
    EXPECT_EQ(RunVoter(Options(server, v1::VOTER)), kExitOk);
    EXPECT_THAT(log.Text(), testing::HasSubstr("Socket closed"));
    EXPECT_EQ(log.Text().find("it speaks TLS") == std::string::npos, spoke);
  }
}

TEST(Runner, AnObserverEvaluatesAndLeavesAfterItsLastEvaluation) {
  EchoServer echo(10);
  LocalServer server(std::ref(echo));
  EXPECT_EQ(RunObserver(Options(server, v1::OBSERVER)), kExitOk);
  std::vector<uint64_t> rounds;
  for (const v1::Evaluation& evaluation : echo.evaluations) {
    rounds.push_back(evaluation.round());
    EXPECT_EQ(evaluation.samples(), 2000u);
  }
  EXPECT_THAT(rounds, testing::ElementsAre(4, 8, 10));
}

TEST(Runner, AnObserverWhoseLastExportFailedDoesNotEndWell) {
  const TemporaryDirectory directory;
  for (const bool fails : {false, true}) {
    EchoServer echo(3);
    LocalServer server(std::ref(echo));
    ClientOptions options = Options(server, v1::OBSERVER);
    options.export_directory = directory / (fails ? "full" : "fine");
    // No file takes the place of a directory.
    if (fails) std::filesystem::create_directories(options.export_directory + "/evaluation.json/taken");
    const CapturedLog log;
    EXPECT_EQ(RunObserver(options), fails ? kExitFailure : kExitOk);
    EXPECT_EQ(echo.evaluations.size(), 1u) << "the server is told all the same";
    EXPECT_EQ(log.Text().find("full) is not of the last evaluation: round 3: ") != std::string::npos, fails);
  }
}

DataSource HugeInputs() {
  return [digits = *ParseSource("{format: digits}")](Split split) -> absl::StatusOr<Dataset> {
    ASSIGN_OR_RETURN(Dataset dataset, digits(split));
    dataset.inputs.values = std::vector<float>(dataset.size() * 784, 3e38f);
    return dataset;
  };
}

TEST(Runner, AnObserverReportsNoAccuracyOfOutputsThatAreNotFinite) {
  const TemporaryDirectory directory;
  EchoServer echo(3);
  LocalServer server(std::ref(echo));
  ClientOptions options = Options(server, v1::OBSERVER);
  options.data.source = HugeInputs();
  options.export_directory = directory / "trained";
  const CapturedLog log;
  EXPECT_EQ(RunObserver(options), kExitFailure) << "the last evaluation has no export";
  EXPECT_TRUE(echo.evaluations.empty());
  EXPECT_THAT(log.Text(), testing::HasSubstr("error: round 3: the loss on 2000 samples is not finite"));
  EXPECT_FALSE(std::filesystem::exists(options.export_directory + "/model.pt"));
}

TEST(Evaluator, PreparesTheDirectoryOfItsExport) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(Evaluator::PrepareExport("").ok());
  EXPECT_TRUE(Evaluator::PrepareExport(directory / "a/b").ok());
  EXPECT_TRUE(std::filesystem::is_directory(directory / "a/b"));
  const absl::Status status = Evaluator::PrepareExport("/proc/nope");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(status), testing::AllOf(testing::HasSubstr("evaluate.export is \"/proc/nope\""),
                                              testing::HasSubstr("cannot create directory")));
}

TEST(Runner, ARefusalIsExitCodeFive) {
  LocalServer server([](Stream*) { return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "ada is evicted"); });
  EXPECT_EQ(RunVoter(Options(server, v1::VOTER)), kExitRefused);
}

TEST(Runner, GivesUpOnAServerThatIsNotThere) {
  LocalServer server([](Stream*) { return grpc::Status::OK; });
  ClientOptions options = Options(server, v1::VOTER);
  options.servers = {"127.0.0.1:1"};
  options.give_up = absl::Milliseconds(20);
  EXPECT_EQ(RunVoter(options), kExitUnavailable);
}

// The second ballot takes far longer than connect.give_up, and meanwhile the stream breaks.
TEST(Runner, GivesUpByTheTimeWithoutAServerNotWithoutAWordOfIt) {
  EchoServer echo(2);
  echo.cut_after_opening = 2;
  LocalServer server(std::ref(echo));
  ClientOptions options = Options(server, v1::VOTER);
  options.session.batch = 3000;
  options.module.micro_batch = 1;
  options.give_up = absl::Milliseconds(200);
  EXPECT_EQ(RunVoter(options), kExitOk);
  EXPECT_EQ(echo.streams(), 2);
}

TEST(Runner, AnObserverThatCannotEvaluateIsExitCodeFour) {
  EchoServer echo(4);
  LocalServer server(std::ref(echo));
  ClientOptions options = Options(server, v1::OBSERVER);
  options.module.loss = "mse";  // ten outputs for one label
  EXPECT_EQ(RunObserver(options), kExitData);
  EXPECT_TRUE(echo.evaluations.empty());
}

// Everything but one label of many is as it should be.
DataSource OneBadLabel() {
  return [digits = *ParseSource("{format: digits}")](Split split) -> absl::StatusOr<Dataset> {
    ASSIGN_OR_RETURN(Dataset dataset, digits(split));
    std::get<std::vector<int32_t>>(dataset.targets.values)[1000] = 10;
    return dataset;
  };
}

TEST(Runner, AnObserversMistakeEndsItWhenItJoins) {
  LocalServer server([](Stream* stream) {  // opens no round
    v1::ClientMessage message;
    stream->Read(&message);
    EchoServer(5).Greet(stream, message.join());
    while (stream->Read(&message)) {
    }
    return grpc::Status::OK;
  });
  ClientOptions options = Options(server, v1::OBSERVER);
  options.metrics = {"mae"};  // of ten outputs and one label
  EXPECT_EQ(RunObserver(options), kExitData);
  options.metrics = {};
  options.data.source = OneBadLabel();
  EXPECT_EQ(RunObserver(options), kExitData);
}

TEST(Runner, ALabelThatTheModelDoesNotHaveEndsAVoterInItsFirstRound) {
  EchoServer echo(3);
  LocalServer server(std::ref(echo));
  ClientOptions options = Options(server, v1::VOTER);
  options.data.source = OneBadLabel();
  options.session.batch = 1;
  EXPECT_EQ(RunVoter(options), kExitData);
  EXPECT_THAT(echo.reason, testing::HasSubstr("a target is 10")) << "the server is told";
}

TEST(Runner, AVoterWithoutAFiniteGradientWarnsOnceAndEndsAfterTwentyRounds) {
  for (const uint64_t rounds : {19, 25}) {
    EchoServer echo(rounds);
    LocalServer server(std::ref(echo));
    ClientOptions options = Options(server, v1::VOTER);
    options.data.source = HugeInputs();
    const CapturedLog log;
    EXPECT_EQ(RunVoter(options), rounds < 20 ? kExitOk : kExitData);
    EXPECT_EQ(echo.reason.find("the gradient of tensor") != std::string::npos, rounds >= 20);
    EXPECT_THAT(log.Text(), testing::HasSubstr("warning: round 1: abstains"));
    EXPECT_THAT(log.Text(), testing::Not(testing::HasSubstr("round 2: abstains")));
    EXPECT_EQ(log.Text().find("error: no vote in 20 rounds") != std::string::npos, rounds >= 20);
  }
}

TEST(Runner, AVoterThatAbstainsInNearlyAllRoundsEndsAndOneThatOftenVotesGoesOn) {
  for (const double share : {0.95, 0.5}) {  // of the samples whose gradient is not finite
    EchoServer echo(80);
    LocalServer server(std::ref(echo));
    ClientOptions options = Options(server, v1::VOTER);
    options.session.batch = 1;
    options.data.source = [share, digits = options.data.source](Split split) -> absl::StatusOr<Dataset> {
      ASSIGN_OR_RETURN(Dataset dataset, digits(split));
      std::vector<float> inputs(dataset.size() * 784, 0.5f);
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (static_cast<double>(i / 784 % 100) < 100 * share) inputs[i] = 3e38f;
      }
      dataset.inputs.values = std::move(inputs);
      return dataset;
    };
    const CapturedLog log;
    EXPECT_EQ(RunVoter(options), share > 0.9 ? kExitData : kExitOk) << share;
    const std::string text = log.Text();
    const size_t first = text.find("abstains");
    ASSERT_NE(first, std::string::npos);
    EXPECT_EQ(text.find("abstains", first + 1), std::string::npos) << "it says so once: " << text;
  }
}

TEST(Runner, AModelThatDoesNotFitTheDataIsExitCodeFour) {
  EchoServer echo(3);
  LocalServer server(std::ref(echo));
  ClientOptions options = Options(server, v1::VOTER);
  Inbox inbox;
  auto trainer = *Trainer::Make(options);
  const ModelBundle other = *MakeBuiltin("cifar_cnn", 0);
  std::vector<float> values = other.parameters.values;
  ASSERT_TRUE(trainer->LoadModel(other.module, other.parameters.tensors, values).ok());
  EXPECT_FALSE(trainer->ComputeGradient(1, 1, {}).ok());
}

TEST(Runner, StopsWhenAsked) {
  LocalServer server([](Stream* stream) {
    v1::ClientMessage message;
    while (stream->Read(&message)) {
      if (!message.has_leave()) continue;
      v1::ServerMessage farewell;
      farewell.mutable_farewell()->set_reason(v1::Farewell::LEFT);
      stream->Write(farewell);
      break;
    }
    return grpc::Status::OK;
  });
  const ClientOptions options = Options(server, v1::VOTER);
  Inbox inbox;
  inbox.Post(event::StopRequested{});
  const auto trainer = *Trainer::Make(options);
  EXPECT_EQ(Runner(options, trainer.get(), nullptr, PlainText().get(), &inbox).Run(), kExitOk);
}

}  // namespace
}  // namespace signvote
