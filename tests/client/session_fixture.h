// A session against a server's script: what goes in, and the actions that come out.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <utility>
#include <vector>

#include "client/session/session.h"
#include "tests/client/scripted_server.h"

namespace signvote {

template <typename A>
std::vector<A> Only(const std::vector<Action>& actions) {
  std::vector<A> found;
  for (const Action& one : actions) {
    if (const auto* match = std::get_if<A>(&one)) found.push_back(*match);
  }
  return found;
}

inline std::vector<v1::ClientMessage> Sent(const std::vector<Action>& actions) {
  std::vector<v1::ClientMessage> messages;
  for (const auto& send : Only<action::Send>(actions)) messages.push_back(*send.message);
  return messages;
}

inline const absl::Status kBroken = absl::Status(absl::StatusCode::kUnavailable, "connection reset");

class SessionTest : public testing::Test {
 protected:
  SessionTest() { Restart({"ada", v1::VOTER, 4, 0, 0}); }

  void Restart(const SessionOptions& options) {
    parameters_.clear();
    session_ = std::make_unique<Session>(options, &parameters_);
  }

  std::vector<Action> Say(const std::vector<v1::ServerMessage>& messages) {
    std::vector<Action> all;
    for (const auto& message : messages) {
      for (Action& one : session_->Received(message)) all.push_back(std::move(one));
    }
    return all;
  }
  std::vector<Action> Say(const v1::ServerMessage& message) { return session_->Received(message); }

  v1::Join Connect() {
    const auto sent = Sent(session_->Connected());
    EXPECT_EQ(sent.size(), 1u);
    return sent.at(0).join();
  }

  // As far as the first round that is open.
  void JoinAsNewcomer() {
    Connect();
    Say(server_.Welcome("ada"));
    Say(server_.Model());
    Say(server_.Parameters());
  }

  SignVector Vote(uint64_t block, uint64_t bits) const {
    return {std::vector<uint64_t>(WordsFor(session_->range().Size(block)), block == 1 ? bits & 0xF : bits), {}};
  }
  std::vector<Action> CastBallot(uint64_t round) {
    std::vector<Action> all = session_->BallotBlockReady(round, 0, Vote(0, 0x55));
    for (Action& one : session_->BallotBlockReady(round, 1, Vote(1, 0x5))) all.push_back(std::move(one));
    return all;
  }

  static v1::ServerMessage Farewell(v1::Farewell::Reason reason) {
    v1::ServerMessage message;
    message.mutable_farewell()->set_reason(reason);
    message.mutable_farewell()->set_return_after_seconds(7);
    return message;
  }

  ScriptedServer server_;
  std::vector<float> parameters_;
  std::unique_ptr<Session> session_;
};

}  // namespace signvote
