#include "client/session/connection.h"

#include <gmock/gmock.h>

#include "client/session/session.h"
#include "common/blocks.h"
#include "tests/client/local_server.h"
#include "tests/client/scripted_server.h"

namespace signvote {
namespace {

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

template <typename E>
E Expect(Inbox* inbox) {
  const std::optional<Event> event = inbox->Take(Soon());
  EXPECT_TRUE(event.has_value() && std::holds_alternative<E>(*event));
  return event.has_value() && std::holds_alternative<E>(*event) ? std::get<E>(*event) : E{};
}

TEST(Connection, CarriesMessagesBothWays) {
  LocalServer server([](Stream* stream) {
    v1::ClientMessage message;
    while (stream->Read(&message)) {
      v1::ServerMessage answer;
      answer.mutable_round_open()->set_round(message.applied().round() + 1);
      stream->Write(answer);
    }
    return grpc::Status::OK;
  });
  Inbox inbox;
  Connection connection(server.address(), grpc::InsecureChannelCredentials(), 7, &inbox);
  EXPECT_EQ(Expect<event::ConnectionOpened>(&inbox).connection, 7u);
  for (uint64_t round = 1; round <= 200; ++round) {
    v1::ClientMessage message;
    message.mutable_applied()->set_round(round);
    connection.Send(message);
    const auto received = Expect<event::MessageReceived>(&inbox);
    EXPECT_EQ(received.connection, 7u);
    ASSERT_EQ(received.message.round_open().round(), round + 1);
  }
  connection.Close(absl::Seconds(20));
  EXPECT_TRUE(Expect<event::ConnectionEnded>(&inbox).status.ok());
}

TEST(Connection, AServerThatIsNotThereEndsUnavailable) {
  Inbox inbox;
  Connection connection("127.0.0.1:1", grpc::InsecureChannelCredentials(), 1, &inbox);
  Expect<event::ConnectionOpened>(&inbox);
  connection.Send({});
  const absl::Status status = Expect<event::ConnectionEnded>(&inbox).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("127.0.0.1:1"));
}

TEST(Connection, ARefusalArrivesWithTheServersWords) {
  LocalServer server([](Stream*) { return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "ada is here"); });
  Inbox inbox;
  Connection connection(server.address(), grpc::InsecureChannelCredentials(), 1, &inbox);
  Expect<event::ConnectionOpened>(&inbox);
  const absl::Status status = Expect<event::ConnectionEnded>(&inbox).status;
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("ada is here"));
}

TEST(Connection, CanBeAbandonedWhileTheInboxIsFull) {
  LocalServer server([](Stream* stream) {
    v1::ServerMessage message;
    message.mutable_decision()->mutable_signs()->set_signs(std::string(1000, 'x'));
    while (stream->Write(message)) {
    }
    return grpc::Status::OK;
  });
  Inbox inbox;
  {
    Connection connection(server.address(), grpc::InsecureChannelCredentials(), 1, &inbox);
    for (size_t i = 0; i < Inbox::kMessages; ++i) ASSERT_TRUE(inbox.Take(Soon()).has_value());
  }
  size_t waiting = 0;
  while (inbox.TryTake().has_value()) ++waiting;
  EXPECT_LE(waiting, Inbox::kMessages + 1);
}

TEST(Connection, AMessageAboveTheLimitEndsTheStream) {
  LocalServer server([](Stream* stream) {
    v1::ServerMessage message;
    message.mutable_model()->set_data(std::string(kMaxMessageBytes + 1, 'x'));
    stream->Write(message);
    v1::ClientMessage ignored;
    stream->Read(&ignored);
    return grpc::Status::OK;
  });
  Inbox inbox;
  Connection connection(server.address(), grpc::InsecureChannelCredentials(), 1, &inbox);
  Expect<event::ConnectionOpened>(&inbox);
  EXPECT_EQ(Expect<event::ConnectionEnded>(&inbox).status.code(), absl::StatusCode::kResourceExhausted);
}

// A whole run of three rounds against a session, over the network.
TEST(Connection, ASessionFollowsARunToItsEnd) {
  LocalServer server([](Stream* stream) {
    ScriptedServer script;
    script.config().set_rounds_total(3);
    v1::ClientMessage message;
    stream->Read(&message);
    stream->Write(script.Welcome(message.join().name()));
    for (const auto& one : script.Model()) stream->Write(one);
    for (const auto& one : script.Parameters()) stream->Write(one);
    stream->Read(&message);
    EXPECT_TRUE(message.has_applied());
    while (script.round() < 3) {
      stream->Write(script.Open());
      for (int block = 0; block < 2; ++block) stream->Read(&message);
      EXPECT_EQ(message.ballot().round(), script.round() + 1);
      for (const auto& one : script.Close()) stream->Write(one);
      stream->Read(&message);
      EXPECT_EQ(FromProto(message.applied().fingerprint()), FingerprintOf(script.truth()));
    }
    stream->Read(&message);
    EXPECT_TRUE(message.has_leave());
    v1::ServerMessage farewell;
    farewell.mutable_farewell()->set_reason(v1::Farewell::FINISHED);
    stream->Write(farewell);
    return grpc::Status::OK;
  });
  Inbox inbox;
  std::vector<float> parameters;
  Session session({"ada"}, &parameters);
  Connection connection(server.address(), grpc::InsecureChannelCredentials(), 1, &inbox);
  bool finished = false;
  std::function<void(std::vector<Action>)> perform = [&](std::vector<Action> actions) {
    for (const Action& action : actions) {
      if (const auto* send = std::get_if<action::Send>(&action)) connection.Send(*send->message);
      finished = finished || std::holds_alternative<action::Finished>(action);
      const auto* compute = std::get_if<action::ComputeBallot>(&action);
      for (uint64_t block = 0; compute != nullptr && block < 2; ++block) {
        perform(session.BallotBlockReady(compute->round, block,
                                         {std::vector<uint64_t>(WordsFor(session.range().Size(block)), 0), {}}));
      }
    }
  };
  while (!finished) {
    std::optional<Event> event = inbox.Take(Soon());
    ASSERT_TRUE(event.has_value());
    ASSERT_FALSE(std::holds_alternative<event::ConnectionEnded>(*event));
    if (std::holds_alternative<event::ConnectionOpened>(*event)) perform(session.Connected());
    if (auto* received = std::get_if<event::MessageReceived>(&*event)) perform(session.Received(received->message));
  }
  EXPECT_EQ(session.round(), 3u);
}

}  // namespace
}  // namespace signvote
