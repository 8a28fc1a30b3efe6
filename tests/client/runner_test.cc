#include "client/runner.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>

#include "tests/client/captured_log.h"
#include "tests/client/echo_server.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

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

}  // namespace
}  // namespace signvote
