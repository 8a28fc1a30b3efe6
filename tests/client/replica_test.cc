#include "client/session/replica.h"

#include <gmock/gmock.h>

#include "common/status.h"
#include "tests/client/scripted_server.h"

namespace signvote {
namespace {

using testing::HasSubstr;

class ReplicaTest : public testing::Test {
 protected:
  ReplicaTest() { replica_.Reset(BlockRange::All(ScriptedServer::kParameters)); }

  void LoadAll() {
    for (const auto& message : server_.Parameters()) ASSERT_TRUE(replica_.Load(message.parameters()).ok());
  }

  ScriptedServer server_;
  std::vector<float> parameters_;
  Replica replica_{&parameters_};
};

TEST_F(ReplicaTest, LoadsParametersChunkByChunk) {
  const auto chunks = server_.Parameters();
  for (size_t i = 0; i < chunks.size(); ++i) {
    EXPECT_FALSE(replica_.IsLoaded());
    const auto complete = replica_.Load(chunks[i].parameters());
    ASSERT_TRUE(complete.ok()) << complete.status();
    EXPECT_EQ(*complete, i + 1 == chunks.size());
  }
  EXPECT_EQ(parameters_, server_.truth());
  EXPECT_EQ(replica_.fingerprint(), FingerprintOf(server_.truth()));
}

TEST_F(ReplicaTest, ParametersOfAnotherRoundStartOver) {
  ASSERT_TRUE(replica_.Load(server_.Parameters()[0].parameters()).ok());
  server_.Close();
  LoadAll();
  EXPECT_EQ(replica_.round(), 1u);
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(ReplicaTest, AGapBetweenChunksIsRefused) {
  const auto chunks = server_.Parameters();
  ASSERT_TRUE(replica_.Load(chunks[0].parameters()).ok());
  EXPECT_THAT(Message(replica_.Load(chunks[2].parameters()).status()), HasSubstr("coordinate 65536, expected 32768"));
}

TEST_F(ReplicaTest, ParametersThatWereAlteredOnTheWayAreNotLoaded) {
  auto chunks = server_.Parameters();
  chunks[1].mutable_parameters()->mutable_data()->at(1000) ^= 1;
  for (size_t i = 0; i + 1 < chunks.size(); ++i) ASSERT_TRUE(replica_.Load(chunks[i].parameters()).ok());
  EXPECT_THAT(Message(replica_.Load(chunks.back().parameters()).status()), HasSubstr("came with fingerprint"));
  EXPECT_FALSE(replica_.IsLoaded());
  LoadAll();
  EXPECT_TRUE(replica_.IsLoaded());
}

TEST_F(ReplicaTest, ARangeHoldsItsBlocksAlone) {
  replica_.Reset({ScriptedServer::kParameters, 1, 1});
  const std::vector<float> own(100, 3.0f);
  v1::ParametersChunk chunk;
  chunk.set_offset(kBlockCoordinates);
  chunk.set_data(own.data(), own.size() * sizeof(float));
  chunk.set_last(true);
  *chunk.mutable_fingerprint() = ToProto(FingerprintOf(own));
  ASSERT_TRUE(replica_.Load(chunk).ok());
  EXPECT_EQ(replica_.fingerprint(), FingerprintOf(own));
  EXPECT_EQ(parameters_[kBlockCoordinates - 1], 0);
  EXPECT_EQ(parameters_[kBlockCoordinates], 3);
}

TEST_F(ReplicaTest, FollowsDecisions) {
  LoadAll();
  for (int round = 1; round <= 3; ++round) {
    const auto messages = server_.Close();
    ASSERT_TRUE(replica_.Apply(messages[0].decision()).ok());
    ASSERT_TRUE(replica_.Apply(messages[1].decision()).ok());
    const auto agrees = replica_.Close(messages[2].round_closed());
    ASSERT_TRUE(agrees.ok()) << agrees.status();
    EXPECT_TRUE(*agrees);
  }
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(ReplicaTest, ADecisionThatComesTwiceIsAppliedOnce) {
  LoadAll();
  const auto messages = server_.Close();
  for (const int i : {0, 0, 1, 0}) {
    ASSERT_TRUE(replica_.Apply(messages[static_cast<size_t>(i)].decision()).ok());
  }
  EXPECT_TRUE(*replica_.Close(messages[2].round_closed()));
}

TEST_F(ReplicaTest, ATentativeDecisionMovesNothingUntilOneThatIsNotFollows) {
  LoadAll();
  const std::vector<float> before = parameters_;
  auto messages = server_.Close();
  messages[0].mutable_decision()->set_tentative(true);
  ASSERT_TRUE(replica_.Apply(messages[0].decision()).ok());
  EXPECT_EQ(parameters_, before);
  EXPECT_FALSE(replica_.IsMoving());
  ASSERT_TRUE(replica_.Apply(messages[1].decision()).ok());
  EXPECT_EQ(parameters_, server_.truth());
  EXPECT_TRUE(*replica_.Close(messages[2].round_closed()));
}

TEST_F(ReplicaTest, TentativeDecisionsStandWhenTheRoundCloses) {
  LoadAll();
  auto messages = server_.Close();
  for (const int i : {0, 1}) {
    messages[static_cast<size_t>(i)].mutable_decision()->set_tentative(true);
    ASSERT_TRUE(replica_.Apply(messages[static_cast<size_t>(i)].decision()).ok());
  }
  EXPECT_TRUE(*replica_.Close(messages[2].round_closed()));
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(ReplicaTest, ADecisionTakesThePlaceOfTentativeOnesFromItsBlockOn) {
  LoadAll();
  const auto messages = server_.Close();
  for (const int i : {0, 1}) {
    v1::DecisionBlock other = messages[static_cast<size_t>(i)].decision();
    other.set_step(0.5f);
    other.set_tentative(true);
    ASSERT_TRUE(replica_.Apply(other).ok());
  }
  ASSERT_TRUE(replica_.Apply(messages[0].decision()).ok());
  EXPECT_THAT(Message(replica_.Close(messages[2].round_closed()).status()), HasSubstr("without a decision on block 1"));
  ASSERT_TRUE(replica_.Apply(messages[1].decision()).ok());
  EXPECT_TRUE(*replica_.Close(messages[2].round_closed()));
  EXPECT_EQ(parameters_, server_.truth());
}

TEST_F(ReplicaTest, ANewSessionForgetsTentativeDecisions) {
  LoadAll();
  const auto messages = server_.Close();
  v1::DecisionBlock other = messages[0].decision();
  other.set_step(0.5f);
  other.set_tentative(true);
  ASSERT_TRUE(replica_.Apply(other).ok());
  replica_.DropTentative();
  ASSERT_TRUE(replica_.Apply(messages[1].decision()).ok());
  ASSERT_TRUE(replica_.Apply(messages[0].decision()).ok());
  EXPECT_TRUE(*replica_.Close(messages[2].round_closed()));
}

TEST_F(ReplicaTest, ARoundWithoutAllItsDecisionsIsRefused) {
  LoadAll();
  const auto messages = server_.Close();
  ASSERT_TRUE(replica_.Apply(messages[0].decision()).ok());
  EXPECT_THAT(Message(replica_.Close(messages[2].round_closed()).status()), HasSubstr("without a decision on block 1"));
}

TEST_F(ReplicaTest, ADecisionOfAnotherRoundIsRefused) {
  LoadAll();
  server_.Close();
  EXPECT_THAT(Message(replica_.Apply(server_.Close()[0].decision())), HasSubstr("round 2, expected one of round 1"));
}

}  // namespace
}  // namespace signvote
