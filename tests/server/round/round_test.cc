#include "server/round/round.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

const absl::Time kOpened = absl::FromUnixSeconds(1000);
const absl::Time kLater = kOpened + absl::Seconds(1);
const absl::Time kDeadline = kOpened + absl::Seconds(60);

RoundOptions QuorumOf(uint32_t quorum) {
  RoundOptions options;
  options.quorum = quorum;
  return options;
}

TEST(Round, ClosesWhenEveryPresentVoterHasVoted) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Arrive(2, true);
  round.Vote(1, 0);
  EXPECT_FALSE(round.MayClose(kLater));
  round.Vote(2, 0);
  EXPECT_TRUE(round.MayClose(kLater));
}

TEST(Round, DoesNotCloseWithoutQuorumEvenPastTheDeadline) {
  Round round(QuorumOf(2), 7, kOpened);
  round.Arrive(1, true);
  round.Arrive(2, true);
  round.Vote(1, 0);
  EXPECT_FALSE(round.MayClose(kDeadline));
  EXPECT_EQ(round.Problem(kDeadline), "round 7 is past its deadline with 1 ballots, rounds.quorum asks for 2");
  round.Vote(2, 0);
  EXPECT_TRUE(round.MayClose(kDeadline));
}

TEST(Round, ClosesAtTheDeadlineWithQuorum) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Arrive(2, true);
  round.Vote(2, 0);
  EXPECT_FALSE(round.MayClose(kDeadline - absl::Nanoseconds(1)));
  EXPECT_EQ(round.NextLook(kLater), kDeadline);
  EXPECT_TRUE(round.MayClose(kDeadline));
}

TEST(Round, DoesNotWaitForThoseWhoLeftNorForThoseNotAsked) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Arrive(2, true);
  round.Arrive(3, false);
  round.Vote(1, 0);
  round.Depart(2);
  EXPECT_TRUE(round.MayClose(kLater));
}

TEST(Round, DoesNotWaitForAVoterThatIsNotAwaitedAndCountsItsBallot) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Arrive(2, true, /*awaited=*/false);
  EXPECT_EQ(round.Missing(), std::vector<VoterId>{1});
  round.Vote(2, 0);
  EXPECT_FALSE(round.MayClose(kLater));
  round.Vote(1, 0);
  EXPECT_TRUE(round.MayClose(kLater));
  EXPECT_EQ(round.Voters(), (std::vector<VoterId>{1, 2}));
}

TEST(Round, ADepartedVotersBallotStillCounts) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Vote(1, 0);
  round.Depart(1);
  EXPECT_EQ(round.Voters(), std::vector<VoterId>{1});
}

TEST(Round, AnEvictedVotersBallotDoesNot) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Vote(1, 0);
  round.Evict(1);
  EXPECT_TRUE(round.Voters().empty());
  EXPECT_FALSE(round.MayClose(kDeadline));
}

TEST(Round, AFreshBallotReplacesALateOne) {
  Round round(QuorumOf(1), 7, kOpened);
  round.Arrive(1, true);
  round.Vote(1, 2);
  EXPECT_EQ(round.Voted(1), 2u);
  round.Vote(1, 0);
  EXPECT_EQ(round.Voted(1), 0u);
  EXPECT_EQ(round.ballots(), 1u);
}

TEST(Round, SaysThatItWaitsForVoters) {
  Round round(QuorumOf(3), 1, kOpened);
  round.Arrive(1, true);
  EXPECT_EQ(round.Problem(kLater), "round 1 waits for voters: 1 of the 3 that rounds.quorum asks for are here");
}

}  // namespace
}  // namespace signvote
