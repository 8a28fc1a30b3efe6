// What a client is sent that was away, comes new, or reads too slowly: decisions or parameters.
#include <gmock/gmock.h>

#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::IsEmpty;
using Kind = v1::ServerMessage;
using H = FederationHarness;

TEST(CatchingUp, ANewcomerGetsTheParametersOfNow) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  const auto heard = h.Read(h.Join("late"));
  const v1::ParametersChunk chunk = heard.Of(Kind::kParameters).at(0).parameters();
  EXPECT_EQ(chunk.round(), 1u);
  float first = 0;
  std::memcpy(&first, chunk.data().data(), sizeof first);
  EXPECT_EQ(first, -0.125f);
  EXPECT_EQ(heard.messages.back().round_open().round(), 2u);
}

TEST(CatchingUp, AClientThatKnowsItsFingerprintCatchesUpByDecisions) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Read(b);
  h.Vote(a, 1), h.Vote(b, 1);
  const auto closed = h.Read(b).Of(Kind::kRoundClosed).at(0).round_closed();
  h.federation->Closed(b);
  h.Vote(a, 2), h.Work(), h.Vote(a, 3), h.Work();
  v1::ClientMessage join = H::JoinOf("b");
  join.mutable_join()->set_model_sha256(std::string(32, 's'));
  join.mutable_join()->set_round(1);
  *join.mutable_join()->mutable_fingerprint() = closed.fingerprint();
  auto heard = h.Read(h.Join(join));
  EXPECT_THAT(heard.Of(Kind::kModel), IsEmpty());
  EXPECT_THAT(heard.Of(Kind::kParameters), IsEmpty());
  EXPECT_EQ(heard.Of(Kind::kRoundClosed).size(), 2u);
  EXPECT_EQ(heard.messages.back().round_open().round(), 4u);
}

TEST(CatchingUp, AfterARestartAClientThatIsBehindCatchesUpByDecisions) {
  H before;
  const SessionId a = before.Join("a");
  before.Read(a);
  Federation::State state{.tally = H::NewTally(H::DefaultOptions(), H::kParameters), .registry = {}};
  std::vector<v1::ServerMessage> decisions;
  for (uint64_t round = 1; round <= 3; ++round) {
    before.Vote(a, round, round != 2);
    const auto heard = before.Read(a);
    decisions.push_back(heard.messages[0]);
    const v1::DecisionBlock& decision = decisions.back().decision();
    state.recent.push_back({round,
                            {decision.step(), decision.decay()},
                            1,
                            {decision.signs()},
                            FromProto(heard.messages[1].round_closed().fingerprint())});
  }
  std::string learnt;
  state.tally.Save(&learnt);
  ASSERT_TRUE(state.tally.Restore(3, std::vector<float>(H::kParameters, -0.125f), learnt).ok());

  v1::ClientMessage join = H::JoinOf("a");
  join.mutable_join()->set_model_sha256(std::string(32, 's'));
  join.mutable_join()->set_round(1);
  *join.mutable_join()->mutable_fingerprint() = ToProto(state.recent[0].fingerprint);
  H after(H::DefaultOptions(), std::move(state));
  const auto heard = after.Read(after.Join(join));
  ASSERT_EQ(heard.messages.size(), 6u);  // Welcome, rounds 2 and 3, RoundOpen
  EXPECT_EQ(heard.messages[1].SerializeAsString(), decisions[1].SerializeAsString());
  EXPECT_EQ(heard.messages[3].SerializeAsString(), decisions[2].SerializeAsString());
  EXPECT_EQ(heard.messages[5].round_open().round(), 4u);
}

TEST(CatchingUp, AWrongFingerprintGetsParametersInstead) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Work();
  v1::ClientMessage join = H::JoinOf("b");
  join.mutable_join()->set_round(1);
  join.mutable_join()->mutable_fingerprint()->set_low(42);
  EXPECT_EQ(h.Read(h.Join(join)).Of(Kind::kParameters).size(), 1u);
}

TEST(CatchingUp, AReaderTooSlowForEveryDecisionIsGivenParametersAgain) {
  H h;
  const SessionId a = h.Join("a"), slow = h.Join("slow", v1::OBSERVER);
  h.Read(slow);
  for (uint64_t round = 1; round <= History::kRounds + 4; ++round) {
    h.Vote(a, round);
    h.Read(a);
  }
  const auto heard = h.Read(slow);
  EXPECT_EQ(heard.Of(Kind::kParameters).size(), 1u);
  EXPECT_THAT(heard.Of(Kind::kDecision), IsEmpty());
  EXPECT_EQ(heard.messages.back().round_open().round(), History::kRounds + 5);
}

}  // namespace
}  // namespace signvote
