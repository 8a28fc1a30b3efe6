// How a client ends that cannot go on: its exit code, and what it says.
#include <gmock/gmock.h>

#include <filesystem>

#include "tests/client/captured_log.h"
#include "tests/client/echo_server.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

TEST(RunnerEnd, ARefusalIsExitCodeFive) {
  LocalServer server([](Stream*) { return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "ada is evicted"); });
  EXPECT_EQ(RunVoter(Options(server, v1::VOTER)), kExitRefused);
}

TEST(RunnerEnd, GivesUpOnAServerThatIsNotThere) {
  LocalServer server([](Stream*) { return grpc::Status::OK; });
  ClientOptions options = Options(server, v1::VOTER);
  options.servers = {"127.0.0.1:1"};
  options.give_up = absl::Milliseconds(20);
  EXPECT_EQ(RunVoter(options), kExitUnavailable);
}

TEST(RunnerEnd, AnObserverWhoseLastExportFailedDoesNotEndWell) {
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

TEST(RunnerEnd, AnObserverReportsNoAccuracyOfOutputsThatAreNotFinite) {
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

TEST(RunnerEnd, AnObserverThatCannotEvaluateIsExitCodeFour) {
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

TEST(RunnerEnd, AnObserversMistakeEndsItWhenItJoins) {
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

TEST(RunnerEnd, ALabelThatTheModelDoesNotHaveEndsAVoterInItsFirstRound) {
  EchoServer echo(3);
  LocalServer server(std::ref(echo));
  ClientOptions options = Options(server, v1::VOTER);
  options.data.source = OneBadLabel();
  options.session.batch = 1;
  EXPECT_EQ(RunVoter(options), kExitData);
  EXPECT_THAT(echo.reason,
              testing::AllOf(testing::HasSubstr("sample 1000 (from 0)"), testing::HasSubstr("a target is 10")))
      << "the server is told";
}

TEST(RunnerEnd, AVoterWithoutAFiniteGradientWarnsOnceAndEndsAfterTwentyRounds) {
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

TEST(RunnerEnd, AVoterThatAbstainsInNearlyAllRoundsEndsAndOneThatOftenVotesGoesOn) {
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

}  // namespace
}  // namespace signvote
