#include "client/session/shards.h"

#include <gmock/gmock.h>

#include "client/model/sign_packing.h"
#include "common/status.h"
#include "tests/client/scripted_server.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const absl::Status kBroken = absl::Status(absl::StatusCode::kUnavailable, "connection reset");

template <typename A>
std::vector<A> Only(const std::vector<ShardAction>& actions) {
  std::vector<A> found;
  for (const ShardAction& one : actions) {
    if (const auto* match = std::get_if<A>(&one.action)) found.push_back(*match);
  }
  return found;
}

// The ballots among what is sent to a shard, as (round, block).
std::vector<std::pair<uint64_t, uint64_t>> Ballots(const std::vector<ShardAction>& actions, size_t shard) {
  std::vector<std::pair<uint64_t, uint64_t>> ballots;
  for (const ShardAction& one : actions) {
    const auto* send = std::get_if<action::Send>(&one.action);
    if (send == nullptr || one.shard != shard || !send->message->has_ballot()) continue;
    ballots.emplace_back(send->message->ballot().round(), send->message->ballot().block());
  }
  return ballots;
}

// Two shards of one block each.
class ShardsTest : public testing::Test {
 protected:
  static constexpr uint64_t kParameters = ScriptedServer::kParameters;

  ShardsTest() { Restart({"ada", v1::VOTER, 4, 0, 0}); }

  void Restart(const SessionOptions& options) {
    parameters_.clear();
    shards_ = std::make_unique<Shards>(std::vector<std::string>{"a:1", "b:1"}, options, &parameters_);
  }

  // What happens on the connection with a shard, and all that follows from it.
  std::vector<ShardAction> Settle(std::vector<ShardAction> all) {
    while (auto more = shards_->Release()) {
      for (ShardAction& one : *more) all.push_back(std::move(one));
    }
    return all;
  }
  std::vector<ShardAction> Say(size_t shard, const std::vector<v1::ServerMessage>& messages) {
    std::vector<ShardAction> all;
    for (const auto& message : messages) {
      for (ShardAction& one : Settle(shards_->Received(shard, message))) all.push_back(std::move(one));
    }
    return all;
  }
  std::vector<ShardAction> Say(size_t shard, const v1::ServerMessage& message) {
    return Settle(shards_->Received(shard, message));
  }

  void Join(size_t shard) {
    shards_->Connected(shard);
    Say(shard, servers_[shard].Welcome("ada"));
    if (shard == 0) Say(0, servers_[0].Model());
    Say(shard, servers_[shard].Parameters());
  }
  void JoinBoth() { Join(0), Join(1); }
  void OpenBoth() { Say(0, servers_[0].Open()), Say(1, servers_[1].Open()); }

  std::vector<ShardAction> Vote() {
    std::vector<ShardAction> all;
    const auto request = shards_->TakeBallot();
    if (!request.has_value()) return all;
    for (const uint64_t block : request->blocks) {
      const uint64_t size = BlockRange::All(kParameters).Size(block);
      for (ShardAction& one : shards_->BallotBlockReady(request->round, block, Abstention(size))) all.push_back(one);
    }
    return all;
  }

  ScriptedServer servers_[2] = {ScriptedServer(BlockRange::Shard(kParameters, 0, 2)),
                                ScriptedServer(BlockRange::Shard(kParameters, 1, 2))};
  std::vector<float> parameters_;
  std::unique_ptr<Shards> shards_;
};

TEST_F(ShardsTest, TheFirstHandsOutTheModelAndTheOthersNeedNot) {
  EXPECT_TRUE(shards_->MayConnect(0));
  EXPECT_FALSE(shards_->MayConnect(1));
  shards_->Connected(0);
  Say(0, servers_[0].Welcome("ada"));
  EXPECT_EQ(Only<action::LoadModel>(Say(0, servers_[0].Model())).size(), 1u);
  EXPECT_TRUE(shards_->MayConnect(1));
  const auto sent = Only<action::Send>(shards_->Connected(1));
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].message->join().model_sha256(), Sha256(servers_[0].model));
}

TEST_F(ShardsTest, OneBallotOnTheParametersOfBothGoesToBoth) {
  Join(0);
  Say(0, servers_[0].Open());
  EXPECT_FALSE(shards_->HasBallot()) << "the parameters of the other are not there";
  Join(1);
  EXPECT_EQ(parameters_, servers_[0].truth());
  ASSERT_TRUE(shards_->HasBallot());
  const auto sent = Vote();
  EXPECT_THAT(Ballots(sent, 0), ElementsAre(std::pair(1, 0)));
  EXPECT_TRUE(Ballots(sent, 1).empty()) << "it has not opened the round";
  EXPECT_THAT(Ballots(Say(1, servers_[1].Open()), 1), ElementsAre(std::pair(1, 1)));
  EXPECT_FALSE(shards_->HasBallot());
}

TEST_F(ShardsTest, OneThatIsAheadWaitsForTheOther) {
  JoinBoth();
  OpenBoth();
  Vote();
  Say(0, servers_[0].Close());
  EXPECT_TRUE(shards_->IsHeld(0));
  EXPECT_FALSE(shards_->IsHeld(1));
  Say(0, servers_[0].Open());
  EXPECT_FALSE(shards_->HasBallot());
  // Voters whose link to the second shard is faster have let the first close another round.
  Say(0, servers_[0].Close());
  Say(1, servers_[1].Close());
  EXPECT_FALSE(shards_->HasBallot());
  Say(1, servers_[1].Close());
  EXPECT_EQ(parameters_, servers_[1].truth());
  Say(0, servers_[0].Open());
  EXPECT_EQ(shards_->TakeBallot()->round, 3u);
}

TEST_F(ShardsTest, TheParametersStayThoseOfOneRoundWhileOneWaits) {
  JoinBoth();
  Say(0, servers_[0].Close());
  const std::vector<float> after_one = servers_[0].truth();
  Say(0, servers_[0].Close());
  Say(1, servers_[1].Open());
  std::vector<float> seen;
  for (const auto& message : servers_[1].Close()) {
    shards_->Received(1, message);  // and before anything is released:
    seen = parameters_;
  }
  EXPECT_EQ(seen, after_one);
}

TEST_F(ShardsTest, AShardThatRestartsGetsTheSameBallotAgain) {
  JoinBoth();
  OpenBoth();
  Vote();
  Say(0, servers_[0].Close());
  EXPECT_EQ(Only<action::Reconnect>(Settle(shards_->Disconnected(1, kBroken))).size(), 1u);
  EXPECT_TRUE(shards_->IsHeld(0));
  shards_->Connected(1);
  Say(1, servers_[1].Welcome("ada"));
  EXPECT_THAT(Ballots(Say(1, servers_[1].Open()), 1), ElementsAre(std::pair(1, 1)));
  EXPECT_FALSE(shards_->HasBallot());
  Say(1, servers_[1].Close());
  OpenBoth();
  EXPECT_EQ(shards_->TakeBallot()->round, 2u);
}

TEST_F(ShardsTest, ALateJoinerVotesWhereARoundIsStillOpenAndSaysOnWhat) {
  servers_[0].Close();  // with the ballot of this client, which was then killed
  JoinBoth();
  Say(0, servers_[0].Open());
  Say(1, servers_[1].Open());
  const auto request = shards_->TakeBallot();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->round, 1u);
  EXPECT_THAT(request->blocks, ElementsAre(1));
  EXPECT_THAT(request->notices, ElementsAre(HasSubstr("a:1 are of round 1")));
  EXPECT_FALSE(shards_->HasBallot()) << "round 2 is for when both have closed round 1";
  Say(1, servers_[1].Close());
  EXPECT_EQ(shards_->TakeBallot()->round, 2u);
}

TEST_F(ShardsTest, AnEvaluationIsOfOneRoundOfAllAndIsToldToAll) {
  Restart({"ada", v1::OBSERVER, 1, 0, 2});
  JoinBoth();
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Only<action::Evaluate>(Say(0, servers_[0].Close())).empty());
  }
  std::vector<float> measured;
  action::Evaluate due;
  for (int i = 0; i < 2; ++i) {
    for (const auto& message : servers_[1].Close()) {
      for (const auto& evaluate : Only<action::Evaluate>(shards_->Received(1, message))) {
        due = evaluate;
        measured = parameters_;
      }
      Settle({});
    }
  }
  EXPECT_EQ(due.round, 2u);
  EXPECT_EQ(measured, servers_[1].truth());
  v1::Evaluation evaluation;
  evaluation.set_round(2);
  EXPECT_EQ(Only<action::Send>(shards_->EvaluationDone(due, evaluation)).size(), 2u);
}

TEST_F(ShardsTest, AnEvaluationThatIsUnderWayWhenAnotherRunBeginsIsToldToNoneAndHoldsUpNone) {
  Restart({"ada", v1::OBSERVER, 1, 0, 2});
  std::vector<action::Evaluate> due;
  for (const char* run : {"first", "second"}) {
    for (const size_t shard : {0, 1}) {
      if (!due.empty()) Settle(shards_->Disconnected(shard, kBroken));
      servers_[shard] = ScriptedServer(BlockRange::Shard(kParameters, shard, 2));
      servers_[shard].run = run;
      servers_[shard].config().set_rounds_total(4);
    }
    JoinBoth();
    for (int i = 0; i < 4; ++i) {
      const size_t shard = i % 2;
      for (const auto& evaluate : Only<action::Evaluate>(Say(shard, servers_[shard].Close()))) due.push_back(evaluate);
    }
  }
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].round, due[1].round);
  v1::Evaluation evaluation;
  evaluation.set_round(2);
  EXPECT_TRUE(shards_->EvaluationDone(due[0], evaluation).empty());
  EXPECT_EQ(Only<action::Send>(shards_->EvaluationDone(due[1], evaluation)).size(), 2u);
}

TEST_F(ShardsTest, AnEvaluationThatAShardJumpedOverIsGivenUp) {
  Restart({"ada", v1::OBSERVER, 1, 0, 2});
  JoinBoth();
  for (int i = 0; i < 3; ++i) servers_[1].Close();
  Say(1, servers_[1].Parameters());  // of round 3: it was too slow for the decisions
  std::vector<ShardAction> all;
  for (int i = 0; i < 3; ++i) {
    for (ShardAction& one : Say(0, servers_[0].Close())) all.push_back(one);
  }
  EXPECT_TRUE(Only<action::Evaluate>(all).empty());
  EXPECT_FALSE(shards_->IsHeld(1));
  EXPECT_EQ(parameters_, servers_[0].truth());
}

TEST_F(ShardsTest, FinishesWhenAllHave) {
  servers_[0].config().set_rounds_total(1);
  servers_[1].config().set_rounds_total(1);
  JoinBoth();
  Say(0, servers_[0].Close());
  v1::ServerMessage left;
  left.mutable_farewell()->set_reason(v1::Farewell::LEFT);
  EXPECT_TRUE(Only<action::Finished>(Say(0, left)).empty());
  EXPECT_TRUE(Only<action::Finished>(Settle(shards_->Disconnected(0, absl::OkStatus()))).empty());
  Say(1, servers_[1].Close());
  EXPECT_EQ(Only<action::Finished>(Say(1, left)).size(), 1u);
}

TEST_F(ShardsTest, WhoLeavesWaitsForNobody) {
  JoinBoth();
  Say(0, servers_[0].Close());
  ASSERT_TRUE(shards_->IsHeld(0));
  EXPECT_EQ(Only<action::Send>(shards_->Leave()).size(), 2u);
  EXPECT_FALSE(shards_->IsHeld(0));
}

TEST_F(ShardsTest, RefusesAShardOfAnotherRun) {
  servers_[1].config().set_terms("seed=4");
  Join(0);
  shards_->Connected(1);
  const auto failed = Only<action::Failed>(Say(1, servers_[1].Welcome("ada")));
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].code, kExitRefused);
  EXPECT_THAT(Message(failed[0].status), HasSubstr("seed=4"));
  EXPECT_EQ(parameters_.size(), kParameters);
  EXPECT_EQ(parameters_[7], servers_[0].truth()[7]) << "what the first one sent is still there";
}

TEST_F(ShardsTest, AnotherRunBeginsInAllHoweverFarTheOldOneWas) {
  JoinBoth();
  for (const size_t shard : {0, 1}) Say(shard, servers_[shard].Close());
  for (const size_t shard : {0, 1}) {
    Settle(shards_->Disconnected(shard, kBroken));
    servers_[shard] = ScriptedServer(BlockRange::Shard(kParameters, shard, 2));
    servers_[shard].run = "another";
  }
  JoinBoth();
  EXPECT_EQ(parameters_, servers_[0].truth());
  OpenBoth();
  const auto request = shards_->TakeBallot();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->round, 1u);
  EXPECT_THAT(request->blocks, ElementsAre(0, 1));
  EXPECT_TRUE(request->notices.empty());
}

TEST_F(ShardsTest, TheSameModelWithOtherTensorsIsLoadedForAllShards) {
  JoinBoth();
  for (const size_t shard : {0, 1}) Settle(shards_->Disconnected(shard, kBroken));
  v1::ServerMessage welcomes[2];
  for (const size_t shard : {0, 1}) {
    servers_[shard].run = "another";
    welcomes[shard] = servers_[shard].Welcome("ada");
    welcomes[shard].mutable_welcome()->mutable_tensors(0)->set_name("renamed");
  }
  shards_->Connected(0);
  EXPECT_EQ(Only<action::Reconnect>(Say(0, welcomes[0])).size(), 1u);
  EXPECT_EQ(Only<action::Send>(shards_->Connected(0)).at(0).message->join().model_sha256(), "");
  Say(0, welcomes[0]);
  EXPECT_EQ(Only<action::LoadModel>(Say(0, servers_[0].Model())).size(), 1u);
  EXPECT_EQ(shards_->tensors().at(0).name, "renamed");
  Say(0, servers_[0].Parameters());
  EXPECT_EQ(Only<action::Send>(shards_->Connected(1)).at(0).message->join().model_sha256(), Sha256(servers_[1].model));
  EXPECT_TRUE(Only<action::Reconnect>(Say(1, welcomes[1])).empty()) << "the first one has handed it out";
  Say(1, servers_[1].Parameters());
  OpenBoth();
  EXPECT_TRUE(shards_->HasBallot());
}

TEST_F(ShardsTest, OneThatNeedsItTooTakesTheModelThatTheOtherHandedOut) {
  JoinBoth();
  v1::ServerMessage welcomes[2];
  for (const size_t shard : {0, 1}) {
    Settle(shards_->Disconnected(shard, kBroken));
    shards_->Connected(shard);
    welcomes[shard] = servers_[shard].Welcome("ada");
    welcomes[shard].mutable_welcome()->mutable_tensors(0)->set_name("renamed");
  }
  EXPECT_EQ(Only<action::Reconnect>(Say(1, welcomes[1])).size(), 1u);
  EXPECT_EQ(Only<action::Reconnect>(Say(0, welcomes[0])).size(), 1u);
  shards_->Connected(1);
  Say(1, welcomes[1]);
  EXPECT_EQ(Only<action::LoadModel>(Say(1, servers_[1].Model())).size(), 1u);
  EXPECT_TRUE(Only<action::Reconnect>(Say(1, servers_[1].Parameters())).empty());
  EXPECT_EQ(Only<action::Send>(shards_->Connected(0)).at(0).message->join().model_sha256(), Sha256(servers_[0].model));
  EXPECT_TRUE(Only<action::Reconnect>(Say(0, welcomes[0])).empty());
  Say(0, servers_[0].Parameters());
  OpenBoth();
  EXPECT_TRUE(shards_->HasBallot());
}

}  // namespace
}  // namespace signvote
