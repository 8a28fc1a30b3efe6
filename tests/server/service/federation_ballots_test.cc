// Ballots that come in over a session: how each is answered, and what a round decides by them.
#include "server/service/federation.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using Verdict = v1::BallotAnswer;
using Kind = v1::ServerMessage;
using H = FederationHarness;

TEST(FederationBallots, ClosesARoundWithTheDecisionOfItsBallots) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b"), c = h.Join("c");
  h.Read(a);
  h.Vote(a, 1, true);
  h.Vote(b, 1, false);
  h.Vote(c, 1, true);
  const auto heard = h.Read(a);
  ASSERT_EQ(heard.messages.size(), 3u);
  const v1::DecisionBlock& decision = heard.messages[0].decision();
  EXPECT_EQ(decision.round(), 1u);
  EXPECT_EQ(decision.step(), 0.125f);
  EXPECT_EQ(decision.signs().signs(), H::BallotOf(1, true).ballot().signs().signs());
  const std::vector<float> moved(H::kParameters, -0.125f);
  EXPECT_EQ(FromProto(heard.messages[1].round_closed().fingerprint()), FingerprintOf(moved));
  EXPECT_EQ(heard.messages[1].round_closed().ballots(), 3u);
  EXPECT_EQ(heard.messages[2].round_open().round(), 2u);
}

TEST(FederationBallots, GivesEachVoterItsOwnMagnitudeBack) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b"), c = h.Join("c");
  EXPECT_EQ(h.Read(a).Of(Kind::kRoundOpen)[0].round_open().magnitude(), 0);
  h.Read(b);
  v1::ClientMessage ballot = H::BallotOf(1, true);
  ballot.mutable_ballot()->set_magnitude(0.25f);
  h.federation->Receive(a, ballot);
  h.Vote(b, 1);
  h.Vote(c, 1);
  EXPECT_EQ(h.Read(a).Of(Kind::kRoundOpen)[0].round_open().magnitude(), 0.25f);
  EXPECT_EQ(h.Read(b).Of(Kind::kRoundOpen)[0].round_open().magnitude(), 0) << "it told none";
}

TEST(FederationBallots, RefusesAMagnitudeThatIsNone) {
  H h;
  const SessionId a = h.Join("a");
  h.Read(a);
  for (const float magnitude : {-1.0f, std::nanf(""), INFINITY}) {
    v1::ClientMessage ballot = H::BallotOf(1, true);
    ballot.mutable_ballot()->set_magnitude(magnitude);
    h.federation->Receive(a, ballot);
    EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::MALFORMED)) << magnitude;
  }
}

TEST(FederationBallots, ArrivalOrderDoesNotChangeTheDecision) {
  std::vector<std::string> fingerprints;
  for (const bool reversed : {false, true}) {
    H h(H::With([](ServerOptions& o) { o.vote.rule = "agreement"; }));
    std::vector<std::string> names{"a", "b", "c", "d", "e"};
    if (reversed) std::reverse(names.begin(), names.end());
    std::vector<SessionId> sessions;
    for (const auto& name : names) sessions.push_back(h.Join(name));
    for (uint64_t round = 1; round <= 4; ++round) {
      for (size_t i = 0; i < names.size(); ++i) h.Vote(sessions[i], round, names[i] < "c");
      h.Work();
    }
    fingerprints.push_back(FromProto(h.federation->Status().fingerprint()).Hex());
    EXPECT_EQ(h.federation->Status().round(), 4u);
  }
  EXPECT_EQ(fingerprints[0], fingerprints[1]);
}

// Bad ballots: each answered by its verdict, none of them counted.
TEST(FederationBallots, AnswersBadBallots) {
  H h;
  const SessionId a = h.Join("a"), observer = h.Join("o", v1::OBSERVER);
  h.Join("b");  // holds the round open
  h.Read(a);
  v1::ClientMessage wrong_length = H::BallotOf(1, true), beyond_end = wrong_length, bad_zstd = wrong_length;
  wrong_length.mutable_ballot()->mutable_signs()->mutable_signs()->pop_back();
  beyond_end.mutable_ballot()->mutable_signs()->set_signs(std::string(H::kWords * 8, '\xff'));
  bad_zstd.mutable_ballot()->mutable_signs()->set_signs_coding(v1::SignBlock::ZSTD);
  for (const auto& message : {wrong_length, beyond_end, bad_zstd, H::BallotOf(1, true, 9), H::BallotOf(2, true)}) {
    h.federation->Receive(a, message);
  }
  EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::WRONG_LENGTH, Verdict::MALFORMED, Verdict::MALFORMED,
                                                Verdict::UNKNOWN_BLOCK, Verdict::FUTURE_ROUND));
  h.Vote(observer, 1);
  EXPECT_THAT(h.Read(observer).Verdicts(), ElementsAre(Verdict::NOT_A_VOTER));
  EXPECT_EQ(h.federation->Status().ballots(), 0u);
  EXPECT_EQ(h.federation->Clients().clients(0).refused_ballots(), 5u);
}

TEST(FederationBallots, ABallotIsIdempotent) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("b");
  h.Read(a);
  h.Vote(a, 1, true);
  h.Vote(a, 1, true);
  h.Vote(a, 1, false);
  EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::DUPLICATE, Verdict::CONFLICT));
  EXPECT_EQ(h.federation->Status().ballots(), 1u);
}

TEST(FederationBallots, ACountedBallotSentAgainAfterTheRoundIsADuplicateNotStale) {
  H h;
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.Read(a);
  h.Vote(a, 1);
  EXPECT_THAT(h.Read(a).Verdicts(), ElementsAre(Verdict::DUPLICATE));
}

TEST(FederationBallots, ALateBallotIsStaleOrCountsWithItsAge) {
  for (const uint32_t max_staleness : {0, 1}) {
    H h(H::With([&](ServerOptions& o) { o.rounds.max_staleness = max_staleness; }));
    const SessionId a = h.Join("a"), slow = h.Join("slow");
    h.Vote(a, 1);
    h.now += absl::Minutes(2);
    h.federation->Tick();
    h.Read(slow);
    h.Vote(slow, 1);
    EXPECT_THAT(h.Read(slow).Verdicts(), ElementsAre(max_staleness ? Verdict::COUNTED_LATE : Verdict::STALE));
    h.Vote(a, 2);
    h.now += absl::Minutes(2);
    h.federation->Tick();
    h.Work();
    ASSERT_EQ(h.rows.size(), 2u);
    EXPECT_EQ(h.rows[1].ballots, 1 + max_staleness);
    EXPECT_EQ(h.rows[1].late, max_staleness);
  }
}

}  // namespace
}  // namespace signvote
