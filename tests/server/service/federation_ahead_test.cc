// Blocks that are decided before all ballots are in.
#include <gmock/gmock.h>

#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Kind = v1::ServerMessage;
using H = FederationHarness;

constexpr uint64_t kBlocks = 3;
constexpr uint64_t kParameters = (kBlocks - 1) * kBlockCoordinates + 64;

// Three voters, each with a session that has read all up to the opening of round 1.
struct Trial {
  explicit Trial(const ServerOptions& options) : h(options, kParameters) {
    for (size_t i = 0; i < 3; ++i) {
      voters.push_back(h.Join("voter" + std::to_string(i)));
      h.Read(voters.back());
    }
  }

  void Vote(size_t voter, std::initializer_list<uint64_t> blocks, bool sign = true, uint64_t round = 1) {
    for (const uint64_t block : blocks) {
      v1::ClientMessage message;
      message.mutable_ballot()->set_round(round);
      message.mutable_ballot()->set_block(block);
      message.mutable_ballot()->mutable_signs()->set_signs(
          std::string(block + 1 < kBlocks ? kBlockCoordinates / 8 : 8, sign ? '\xff' : '\0'));
      h.federation->Receive(voters[voter], message);
    }
  }

  // What a voter is told next: the decisions' blocks, and whether they are tentative.
  std::vector<std::pair<uint64_t, bool>> Decisions(size_t voter) {
    std::vector<std::pair<uint64_t, bool>> decisions;
    for (const auto& message : h.Read(voters[voter]).Of(Kind::kDecision)) {
      decisions.emplace_back(message.decision().block(), message.decision().tentative());
    }
    return decisions;
  }

  uint64_t closed() { return h.federation->Status().round(); }
  std::string fingerprint() { return FromProto(h.federation->Status().fingerprint()).Hex(); }

  H h;
  std::vector<SessionId> voters;
};

// After round 1 with these votes, when every ballot comes at once and backwards: nothing is decided ahead.
std::string AtOnce(const ServerOptions& options, const std::vector<bool>& votes) {
  Trial run(options);
  for (size_t i = votes.size(); i < run.voters.size(); ++i) run.h.federation->Closed(run.voters[i]);
  for (size_t i = 0; i < votes.size(); ++i) run.Vote(i, {2, 1, 0}, votes[i]);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, false), Pair(1, false), Pair(2, false)));
  EXPECT_EQ(run.closed(), 1u);
  return run.fingerprint();
}

class FederationAhead : public testing::TestWithParam<const char*> {
 protected:
  ServerOptions options_ = H::With([](ServerOptions& o) {
    o.vote.rule = GetParam();
    o.vote.carry = 0.9;
  });
};

TEST_P(FederationAhead, ABlockIsDecidedWithItsLastVoteAndStandsWhenTheRoundCloses) {
  Trial run(options_);
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {0}, i != 1);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, true)));
  run.Vote(0, {1, 2}, true);
  run.Vote(1, {1, 2}, false);
  EXPECT_THAT(run.Decisions(0), IsEmpty()) << "a voter is missing";
  EXPECT_EQ(run.closed(), 0u);
  run.Vote(2, {1}, true);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(1, true)));
  run.Vote(2, {2}, true);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(2, false)));
  EXPECT_THAT(run.Decisions(1), ElementsAre(Pair(0, true), Pair(1, true), Pair(2, false))) << "it reads slowly";
  EXPECT_EQ(run.closed(), 1u);
  EXPECT_EQ(run.fingerprint(), AtOnce(options_, {true, false, true}));
}

TEST_P(FederationAhead, ADecisionIsMadeAgainWithoutTheVoterThatStaysAway) {
  Trial run(options_);
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {0}, i == 0);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, true)));
  run.h.federation->Closed(run.voters[2]);
  for (size_t i = 0; i < 2; ++i) run.Vote(i, {1}, i == 0);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(1, true)));
  for (size_t i = 0; i < 2; ++i) run.Vote(i, {2}, i == 0);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, false), Pair(1, false), Pair(2, false)));
  EXPECT_EQ(run.fingerprint(), AtOnce(options_, {true, false}));
}

TEST_P(FederationAhead, ADecisionIsMadeAgainWithAVoterThatComes) {
  Trial run(options_);
  run.h.federation->Closed(run.voters[2]);
  for (size_t i = 0; i < 2; ++i) run.Vote(i, {0}, i == 0);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, true)));
  run.voters[2] = run.h.Join("voter2");
  run.Vote(2, {0, 1, 2}, true);
  for (size_t i = 0; i < 2; ++i) run.Vote(i, {1, 2}, i == 0);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, false), Pair(1, false), Pair(2, false)));
  EXPECT_EQ(run.fingerprint(), AtOnce(options_, {true, false, true}));
}

TEST_P(FederationAhead, AStepSetInMidRoundGoesOutWithEveryBlock) {
  Trial run(options_);
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {0});
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, true)));
  ASSERT_TRUE(run.h.federation->SetStepSize(0.5f).ok());
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {1, 2});
  const auto decisions = run.h.Read(run.voters[0]).Of(Kind::kDecision);
  ASSERT_EQ(decisions.size(), kBlocks);
  for (const auto& message : decisions) {
    EXPECT_FALSE(message.decision().tentative());
    EXPECT_EQ(message.decision().step(), 0.5f);
  }
}

TEST_P(FederationAhead, AnEvictionInMidRoundUndoesWhatTheEvictedVotedOn) {
  Trial run(options_);
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {0}, i == 0);
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, true)));
  ASSERT_TRUE(run.h.federation->SetEvicted("voter2", true).ok());
  for (size_t i = 0; i < 2; ++i) run.Vote(i, {1, 2}, i == 0);
  EXPECT_THAT(run.Decisions(0).size(), kBlocks + 0u);
  EXPECT_EQ(run.fingerprint(), AtOnce(options_, {true, false}));
}

INSTANTIATE_TEST_SUITE_P(Rules, FederationAhead, testing::Values("majority", "agreement"));

TEST(FederationAheadOf, ItSignSgdDecidesAtTheEnd) {
  Trial run(H::With([](ServerOptions& o) { o.vote.rule = "it-signsgd"; }));
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {0, 1});
  EXPECT_THAT(run.Decisions(0), IsEmpty());
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {2});
  EXPECT_THAT(run.Decisions(0), ElementsAre(Pair(0, false), Pair(1, false), Pair(2, false)));
}

TEST(FederationAheadOf, NothingIsDecidedBelowTheQuorum) {
  Trial run(H::With([](ServerOptions& o) { o.rounds.quorum = 4; }));
  for (size_t i = 0; i < 3; ++i) run.Vote(i, {0, 1});
  EXPECT_THAT(run.Decisions(0), IsEmpty());
}

}  // namespace
}  // namespace signvote
