// When rounds close, and for whom they wait.
#include <gmock/gmock.h>

#include "server/service/federation.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = v1::ServerMessage;
using H = FederationHarness;

std::vector<std::string> MissedDeadlines(const H& h) {
  std::vector<std::string> told;
  for (const v1::Event& event : h.federation->events().After(0)) {
    if (event.kind() == v1::MISSED_DEADLINE) told.push_back(event.detail());
  }
  return told;
}

TEST(FederationClosing, WaitsForTheQuorumAndSaysSo) {
  H h(H::With([](ServerOptions& o) { o.rounds.quorum = 2; }));
  const SessionId a = h.Join("a");
  h.Vote(a, 1);
  h.now += absl::Minutes(5);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);
  EXPECT_EQ(h.federation->Status().phase(), v1::WAITING);
  EXPECT_THAT(h.federation->Status().problem(), HasSubstr("1 of the 2 that rounds.quorum asks for"));
  h.Vote(h.Join("b"), 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

TEST(FederationClosing, NamesWhoseBallotTheQuorumLacksOnceTheDeadlineHasPassed) {
  H h(H::With([](ServerOptions& o) { o.rounds.quorum = 2; }));
  const SessionId a = h.Join("a"), hung = h.Join("hung");
  const auto pass = [&](absl::Duration time) {
    h.now += time;
    h.federation->Tick();
    h.Work();
  };
  h.Vote(a, 1);
  pass(absl::Seconds(59));
  EXPECT_TRUE(MissedDeadlines(h).empty());
  EXPECT_FALSE(h.federation->Clients().clients(1).silent());
  for (int i = 0; i < 3; ++i) pass(absl::Minutes(1));
  EXPECT_EQ(h.federation->Status().problem(),
            "round 1 is past its deadline with 1 ballots, rounds.quorum asks for 2; missing: hung");
  EXPECT_THAT(MissedDeadlines(h), ElementsAre("round 1 is past its deadline without 1 of its voters: hung; it has 1 of "
                                              "the 2 ballots that rounds.quorum asks for, and waits"));
  EXPECT_FALSE(h.federation->Clients().clients(0).silent());
  EXPECT_TRUE(h.federation->Clients().clients(1).silent());

  h.Vote(hung, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
  EXPECT_FALSE(h.federation->Clients().clients(1).silent());
  h.Vote(a, 2);
  pass(absl::Minutes(2));
  EXPECT_EQ(MissedDeadlines(h).size(), 2u) << "another round";
}

TEST(FederationClosing, WhoeverComesAfterTheDeadlineIsNoEvent) {
  H h(H::With([](ServerOptions& o) { o.rounds.quorum = 2; }));
  h.Vote(h.Join("a"), 1);
  h.now += absl::Minutes(2);
  h.federation->Tick();
  for (const char* name : {"b", "c", "d", "e", "f"}) h.Join(name);
  h.federation->Tick();
  EXPECT_TRUE(MissedDeadlines(h).empty());
  EXPECT_THAT(h.federation->Status().problem(), testing::MatchesRegex(".*; missing: ([b-f], ){3}[b-f] and 1 more"));
}

TEST(FederationClosing, ClosesAtTheDeadlineWithoutTheSlow) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("slow");
  h.Vote(a, 1);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);
  h.now += absl::Seconds(60);
  h.federation->Tick();
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

// Rounds that "a" votes in; whether each took until its deadline.
std::vector<bool> RoundsOf(H& h, SessionId a, int rounds) {
  std::vector<bool> took_deadline;
  for (int i = 0; i < rounds; ++i) {
    const uint64_t open = h.federation->Status().round() + 1;
    h.Vote(a, open);
    h.Work();
    took_deadline.push_back(h.federation->Status().round() < open);
    if (!took_deadline.back()) continue;
    h.now += absl::Seconds(60);
    h.federation->Tick();
    h.Work();
    EXPECT_EQ(h.federation->Status().round(), open);
  }
  return took_deadline;
}

TEST(FederationClosing, AVoterThatHangsCostsThreeDeadlines) {
  H h;
  const SessionId a = h.Join("a");
  h.Join("hung");
  EXPECT_THAT(RoundsOf(h, a, 5), ElementsAre(true, true, true, false, false));
  EXPECT_EQ(MissedDeadlines(h).size(), 3u);
  EXPECT_TRUE(h.federation->Clients().clients(1).silent());
  EXPECT_FALSE(h.federation->Clients().clients(0).silent());
}

TEST(FederationClosing, AVoterThatHungIsWaitedForAgainOnceItsBallotCounts) {
  H h;
  const SessionId a = h.Join("a"), hung = h.Join("hung");
  RoundsOf(h, a, 4);
  h.Vote(hung, 5);
  EXPECT_THAT(RoundsOf(h, a, 2), ElementsAre(false, true));
  EXPECT_EQ(h.rows[4].ballots, 2u);
  EXPECT_FALSE(h.federation->Clients().clients(1).silent());
}

TEST(FederationClosing, AVoterWhoseBallotsComeTooLateDoesNotHang) {
  H h;
  const SessionId a = h.Join("a"), slow = h.Join("slow");
  for (uint64_t round = 1; round <= 6; ++round) {
    EXPECT_THAT(RoundsOf(h, a, 1), ElementsAre(true)) << round;
    h.Vote(slow, round);
  }
  RoundsOf(h, a, 4);
  h.Vote(slow, 9);  // back from a long pause, slower than the rounds without it
  EXPECT_THAT(RoundsOf(h, a, 1), ElementsAre(true)) << "it has its time again";
}

TEST(FederationClosing, AVoterThatHungIsWaitedForInItsNextSession) {
  H h;
  const SessionId a = h.Join("a"), hung = h.Join("hung");
  RoundsOf(h, a, 4);
  h.federation->Closed(hung);
  h.Join("hung");
  EXPECT_THAT(RoundsOf(h, a, 1), ElementsAre(true));
}

TEST(FederationClosing, NamesThoseWithoutWhomARoundCloses) {
  H h;
  const SessionId a = h.Join("a");
  for (const char* name : {"b", "c"}) h.Join(name);
  RoundsOf(h, a, 1);
  for (const char* name : {"d", "e", "f"}) h.Join(name);
  RoundsOf(h, a, 1);
  EXPECT_THAT(MissedDeadlines(h),
              ElementsAre(testing::MatchesRegex("round 1 closes without 2 of its voters: [bc], [bc]"),
                          testing::MatchesRegex("round 2 closes without 5 of its voters: "
                                                "[b-f], [b-f], [b-f], [b-f] and 1 more")));
}

TEST(FederationClosing, ClosesEarlyOnceTheMissingCannotChangeEnough) {
  H h(H::With([](ServerOptions& o) { o.rounds.close_early = 0.99; }));
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Join("slow");
  h.Vote(a, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 0u);  // one against two
  h.Vote(b, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
  h.Vote(a, 2, true);
  h.Vote(b, 2, false);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);  // they cancel: the third decides
}

TEST(FederationClosing, AsksOnlyTheDrawnElectorate) {
  H h(H::With([](ServerOptions& o) { o.rounds.electorate = 2; }));
  std::map<std::string, SessionId> sessions;
  for (const char* name : {"a", "b", "c", "d"}) sessions[name] = h.Join(name);
  // The first round opened with nobody to draw from: the first two to come have its seats.
  for (auto& [name, session] : sessions) h.Vote(session, 1);
  h.Work();
  ASSERT_EQ(h.federation->Status().round(), 1u);
  int asked = 0;
  for (auto& [name, session] : sessions) {
    for (const auto& open : h.Read(session).Of(Kind::kRoundOpen)) {
      asked += open.round_open().round() == h.federation->Status().round() + 1 && open.round_open().vote();
    }
  }
  EXPECT_EQ(asked, 2);
}

TEST(FederationClosing, AVoterThatHangsTakesNobodysSeat) {
  H h(H::With([](ServerOptions& o) { o.rounds.electorate = 2; }));
  const SessionId a = h.Join("a");
  h.Join("hung");
  for (int i = 0; i < 3; ++i) RoundsOf(h, a, 1);
  ASSERT_TRUE(h.federation->Clients().clients(1).silent());
  const SessionId b = h.Join("b");
  for (uint64_t round = 4; round <= 15; ++round) {
    h.Vote(a, round);
    h.Vote(b, round);
    h.Work();
    ASSERT_EQ(h.federation->Status().round(), round) << "nobody else is waited for";
    EXPECT_EQ(h.rows.back().ballots, 2u) << "both are asked";
  }
}

bool IsAskedIn(uint64_t round, const FederationHarness::Heard& heard) {
  for (const auto& open : heard.Of(Kind::kRoundOpen)) {
    if (open.round_open().round() == round && open.round_open().vote()) return true;
  }
  return false;
}

TEST(FederationClosing, WhoIsDrawnAndLeavesOrIsEvictedLeavesTheSeatToAnother) {
  for (const bool is_evicted : {false, true}) {
    H h(H::With([](ServerOptions& o) { o.rounds.electorate = 1; }));
    std::map<std::string, SessionId> sessions;
    for (const char* name : {"a", "b"}) sessions[name] = h.Join(name);
    ASSERT_TRUE(IsAskedIn(1, h.Read(sessions["a"])));
    ASSERT_FALSE(IsAskedIn(1, h.Read(sessions["b"])));
    if (is_evicted) {
      ASSERT_TRUE(h.federation->SetEvicted("a", true).ok());
    } else {
      h.federation->Closed(sessions["a"]);
    }
    ASSERT_TRUE(IsAskedIn(1, h.Read(sessions["b"]))) << "of the same round, once more";
    h.Vote(sessions["b"], 1);
    h.Work();
    EXPECT_EQ(h.federation->Status().round(), 1u);
  }
}

TEST(FederationClosing, WhoIsDrawnAndHangsLeavesTheSeatToAnotherAtTheDeadline) {
  H h(H::With([](ServerOptions& o) { o.rounds.electorate = 1; }));
  h.Join("hung");
  const SessionId b = h.Join("b");
  h.federation->Tick();
  ASSERT_FALSE(IsAskedIn(1, h.Read(b)));
  h.now += absl::Minutes(2);
  h.federation->Tick();
  ASSERT_TRUE(IsAskedIn(1, h.Read(b)));
  h.Vote(b, 1);
  h.Work();
  EXPECT_EQ(h.federation->Status().round(), 1u);
}

TEST(FederationClosing, WhoVotedAndLeavesKeepsTheSeat) {
  H h(H::With([](ServerOptions& o) {
    o.rounds.electorate = 2;
    o.rounds.quorum = 2;
  }));
  const SessionId a = h.Join("a");
  h.Join("b");
  const SessionId c = h.Join("c");
  h.Vote(a, 1);
  h.federation->Closed(a);
  EXPECT_FALSE(IsAskedIn(1, h.Read(c)));
}

}  // namespace
}  // namespace signvote
