// What administrators are shown of voters and events.
#include <gmock/gmock.h>

#include <cmath>

#include "common/random.h"
#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using H = FederationHarness;

ServerOptions Options(const std::string& rule) {
  ServerOptions options = H::DefaultOptions();
  options.vote.rule = rule;
  options.vote.warmup_rounds = 2;
  options.vote.prior = 0;
  return options;
}

// Voters a to f err on 30 % of the coordinates, f votes the opposite of what it finds in rounds up to `flipped_until`.
// `after_round` is called after each round.
void VoteRounds(
    H& h, uint64_t rounds, const std::function<void()>& after_round = [] {}, uint64_t flipped_until = 1000) {
  Random random(7);
  std::map<std::string, SessionId> sessions;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) sessions[name] = h.Join(name);
  for (uint64_t round = 1; round <= rounds; ++round) {
    const bool flips = round <= flipped_until;
    std::vector<uint64_t> truth(H::kWords);
    for (uint64_t& word : truth) word = random.Next();
    for (const auto& [name, session] : sessions) {
      std::vector<uint64_t> words(H::kWords);
      for (uint64_t n = 0; n < H::kParameters; ++n) {
        const bool wrong = random.Next() % 10 < (flips && name == "f" ? 7u : 3u);
        words[n / 64] |= ((truth[n / 64] >> n % 64 & 1) ^ uint64_t{wrong}) << n % 64;
      }
      v1::ClientMessage ballot = H::BallotOf(round, true);
      ballot.mutable_ballot()->mutable_signs()->set_signs(words.data(), words.size() * 8);
      h.federation->Receive(session, ballot);
    }
    h.Work();
    after_round();
  }
  ASSERT_EQ(h.federation->Status().round(), rounds);
}

const v1::VoterReliability& Named(const v1::ReliabilityReport& report, const std::string& name) {
  for (const auto& voter : report.voters()) {
    if (voter.name() == name) return voter;
  }
  ADD_FAILURE() << name << " is not in the report";
  return report.voters(0);
}

TEST(ReliabilityReport, ShowsWhoVotesAgainstTheOthersWithinFiveRounds) {
  H h(Options("agreement"));
  VoteRounds(h, 5);
  const v1::ReliabilityReport report = h.federation->Reliability();
  EXPECT_EQ(report.round(), 5u);
  EXPECT_THAT(report.tensors(), ElementsAre("w"));
  ASSERT_EQ(report.voters_size(), 6);
  for (const auto& voter : report.voters()) {
    const bool bad = voter.name() == "f";
    EXPECT_EQ(voter.suspicion(), bad ? v1::VOTES_AGAINST : v1::NO_SUSPICION) << voter.name();
    EXPECT_NEAR(voter.crossover(), bad ? 0.7 : 0.3, 0.05);
    EXPECT_NEAR(voter.crossovers(0), voter.crossover(), 1e-6);
    ASSERT_EQ(voter.agreement_size(), 6);
    for (int i = 0; i < 6; ++i) {
      const auto& other = report.voters(i);
      const double expected = &voter == &other ? 1 : (bad || other.name() == "f" ? -1 : 1) * 0.4 * 0.4;
      EXPECT_NEAR(voter.agreement(i), expected, 0.06) << voter.name() << " and " << other.name();
    }
  }
  EXPECT_TRUE(report.voters(0).name() == "f" || report.voters(5).name() == "f") << "it stands apart";
}

TEST(ReliabilityReport, HasCrossoversAloneUnderTheRuleOfErrorCounts) {
  H h(Options("it-signsgd"));
  VoteRounds(h, 8);
  const v1::ReliabilityReport report = h.federation->Reliability();
  EXPECT_EQ(Named(report, "f").suspicion(), v1::VOTES_AGAINST);
  EXPECT_EQ(Named(report, "a").suspicion(), v1::NO_SUSPICION);
  EXPECT_EQ(Named(report, "a").agreement_size(), 0);
}

TEST(ReliabilityReport, MeasuresNothingUnderMajority) {
  H h(Options("majority"));
  VoteRounds(h, 2);
  const v1::ReliabilityReport report = h.federation->Reliability();
  ASSERT_EQ(report.voters_size(), 6);
  EXPECT_TRUE(std::isnan(report.voters(0).crossover()));
  EXPECT_TRUE(std::isnan(report.voters(0).crossovers(0)));
  EXPECT_TRUE(std::isnan(h.federation->Clients().clients(0).crossover()));
  EXPECT_TRUE(std::isnan(h.federation->Detail("a")->tensors(0).crossover().median()));
}

std::vector<v1::Event> AboutSuspects(const H& h) {
  std::vector<v1::Event> told;
  for (const v1::Event& event : h.federation->events().After(0)) {
    if (event.kind() == v1::SUSPECTED || event.kind() == v1::CLEARED) told.push_back(event);
  }
  return told;
}

TEST(Suspects, AreToldOfOnceTwoLooksAgreeAndAgainWhenTheyRecover) {
  H h(Options("agreement"));
  VoteRounds(
      h, 120, [&] { h.federation->LookForSuspects(); }, 10);
  const std::vector<v1::Event> told = AboutSuspects(h);
  ASSERT_GE(told.size(), 2u);
  EXPECT_EQ(told.front().kind(), v1::SUSPECTED);
  EXPECT_EQ(told.front().client(), "f");
  EXPECT_EQ(told.front().round(), 4u) << "three rounds are needed, and two looks";
  EXPECT_THAT(told.front().detail(), HasSubstr("f votes against the others"));
  EXPECT_EQ(told.back().kind(), v1::CLEARED);
  EXPECT_EQ(told.back().client(), "f");
  EXPECT_THAT(told.back().detail(), HasSubstr("is suspected no longer, its crossover is 0."));
  const v1::ListClientsResponse clients = h.federation->Clients();
  for (const v1::ClientSummary& client : clients.clients()) {
    EXPECT_EQ(client.suspicion(), v1::NO_SUSPICION) << client.name();
  }
}

TEST(Suspects, AreNamedByTheirSummariesAsByTheirEvents) {
  H h(Options("agreement"));
  VoteRounds(h, 6, [&] { h.federation->LookForSuspects(); });
  const v1::ClientDetail detail = *h.federation->Detail("f");
  EXPECT_EQ(detail.summary().suspicion(), v1::VOTES_AGAINST);
  EXPECT_THAT(detail.summary().explanation(), HasSubstr("flipped signs?"));
  EXPECT_EQ(h.federation->Detail("a")->summary().suspicion(), v1::NO_SUSPICION);
}

TEST(Suspects, AreNotLookedForWhereNoRoundWasClosed) {
  H h(Options("agreement"));
  VoteRounds(h, 3);
  for (int i = 0; i < 5; ++i) h.federation->LookForSuspects();
  EXPECT_TRUE(AboutSuspects(h).empty()) << "the same round twice does not make two looks";
}

// A ballot for `round` that says nothing on any coordinate.
v1::ClientMessage Abstention(uint64_t round) {
  v1::ClientMessage ballot = H::BallotOf(round, true);
  v1::SignBlock& signs = *ballot.mutable_ballot()->mutable_signs();
  signs.set_zeros(signs.signs());
  signs.set_signs(std::string(H::kWords * 8, 0));
  return ballot;
}

TEST(Suspects, AbstainUnderAnyRuleUntilTheyVoteAgain) {
  H h(H::With([](ServerOptions& options) { options.rounds.total = 100; }));
  const SessionId a = h.Join("a"), b = h.Join("b");
  const auto vote = [&](uint64_t first, uint64_t last, bool abstains) {
    for (uint64_t round = first; round <= last; ++round) {
      h.Vote(a, round);
      h.federation->Receive(b, abstains ? Abstention(round) : H::BallotOf(round, true));
      h.Work();
      h.federation->LookForSuspects();
    }
  };
  vote(1, 11, true);
  EXPECT_TRUE(AboutSuspects(h).empty()) << "one look alone found 11 of 20";
  vote(12, 19, true);
  std::vector<v1::Event> told = AboutSuspects(h);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].client(), "b");
  EXPECT_THAT(told[0].detail(), HasSubstr("b abstains: 12 of its last 20 ballots"));
  EXPECT_EQ(h.federation->Detail("b")->summary().suspicion(), v1::ABSTAINS);
  EXPECT_EQ(h.federation->Detail("b")->summary().rounds_abstained(), 19u);
  EXPECT_EQ(h.federation->Detail("b")->summary().rounds_counted(), 19u);
  EXPECT_EQ(h.federation->Detail("a")->summary().rounds_abstained(), 0u);
  EXPECT_EQ(Named(h.federation->Reliability(), "b").suspicion(), v1::ABSTAINS);

  vote(20, 35, false);
  told = AboutSuspects(h);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].kind(), v1::CLEARED);
  EXPECT_EQ(told[1].detail(), "is suspected no longer");
  EXPECT_EQ(h.federation->Detail("b")->summary().rounds_abstained(), 19u);
}

TEST(Suspects, AreKnownToAbstainAfterAReplayOfTheJournal) {
  const ServerOptions options = H::DefaultOptions();
  H h(options);
  const SessionId a = h.Join("a"), b = h.Join("b");
  for (uint64_t round = 1; round <= 3; ++round) {
    h.Vote(a, round);
    h.federation->Receive(b, round == 2 ? H::BallotOf(round, false) : Abstention(round));
    h.Work();
  }
  RunState state{H::NewTally(options, H::kParameters), {}};
  Replay replay(&state, "", Serially);
  ASSERT_TRUE(h.store.Play(&replay).ok());
  EXPECT_EQ(state.registry.Find("b")->rounds_abstained, 2u);
  EXPECT_EQ(state.registry.Find("b")->recent_abstentions, 0b101u);
  EXPECT_EQ(state.registry.Find("a")->rounds_abstained, 0u);
}

TEST(ReliabilityReport, ANewClientHasToldNoFingerprint) {
  H h;
  const SessionId a = h.Join("a");
  EXPECT_FALSE(h.federation->Clients().clients(0).has_fingerprint_agrees());
  h.Vote(a, 1);
  h.Work();
  h.Apply(a, 1, h.federation->Status().fingerprint());
  EXPECT_TRUE(h.federation->Clients().clients(0).fingerprint_agrees());
  h.Vote(a, 2);
  h.Work();
  EXPECT_EQ(h.federation->Clients().clients(0).rounds_behind(), 1u);
}

TEST(Events, TellWhoCameWentAndWasLate) {
  H h;
  const SessionId a = h.Join("a"), b = h.Join("b");
  h.Vote(a, 1);
  h.now += absl::Minutes(2);
  h.federation->Tick();
  h.Work();
  h.Vote(b, 1);
  EXPECT_TRUE(h.federation->SetEvicted("b", true).ok());
  h.federation->Closed(a);
  std::vector<std::string> heard;
  for (const v1::Event& event : h.federation->events().After(0)) {
    heard.push_back(v1::EventKind_Name(event.kind()) + " " + event.client() + " " + std::to_string(event.round()));
  }
  EXPECT_THAT(heard, ElementsAre("JOINED a 0", "JOINED b 0", "MISSED_DEADLINE  0", "STALE_BALLOT b 1",
                                 "EVICTED_CLIENT b 1", "LEFT_SESSION a 1"));
}

}  // namespace
}  // namespace signvote
