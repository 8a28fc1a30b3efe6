#include "server/service/ballot_box.h"

#include <gtest/gtest.h>

namespace signvote {
namespace {

using Outcome = BallotBox::Outcome;

const BlockRange kTwoBlocks = BlockRange::All(kBlockCoordinates + 64);

std::shared_ptr<const SignVector> Planes(uint64_t word) {
  return std::make_shared<const SignVector>(SignVector{{word}, {}});
}

TEST(BallotBox, ABallotIsCompleteWithItsLastBlock) {
  BallotBox box(kTwoBlocks, 0);
  EXPECT_EQ(box.Add(1, 1, 1, 1, Planes(5)), Outcome::kAdded);
  EXPECT_EQ(box.Add(1, 1, 1, 1, Planes(5)), Outcome::kDuplicate);
  EXPECT_EQ(box.Add(1, 1, 1, 1, Planes(6)), Outcome::kConflict);
  EXPECT_EQ(box.Add(1, 1, 1, 0, Planes(7)), Outcome::kCompleted);
  const VoterId voters[] = {1};
  const auto ballots = box.Close(1, voters, 0);
  ASSERT_EQ(ballots.size(), 1u);
  const auto by_block = BallotsByBlock(ballots, 3, 2);
  EXPECT_EQ(by_block[0][0].signs[0], 7u);
  EXPECT_EQ(by_block[1][0].signs[0], 5u);
  EXPECT_EQ(by_block[0][0].age, 2u);
}

TEST(BallotBox, AFreshBallotIsPreferredToALateOne) {
  BallotBox box(BlockRange::All(64), 0);
  box.Close(1, {}, 1);  // round 2 is open
  EXPECT_EQ(box.Add(1, 1, 1, 0, Planes(1)), Outcome::kCompleted);
  EXPECT_EQ(box.CompleteLate().at(1), 1u);
  EXPECT_EQ(box.Add(1, 1, 2, 0, Planes(2)), Outcome::kCompleted);
  const VoterId voters[] = {1};
  const auto ballots = box.Close(2, voters, 1);
  EXPECT_EQ(ballots.at(1).round, 2u);
  EXPECT_TRUE(box.CompleteLate().empty());
}

TEST(BallotBox, WhatWasHalfSentWhenItsRoundClosedMayBeCompletedLate) {
  BallotBox box(kTwoBlocks, 0);
  box.Add(1, 1, 1, 0, Planes(1));
  box.Close(1, {}, 1);
  EXPECT_EQ(box.Add(1, 1, 1, 1, Planes(2)), Outcome::kCompleted);
  EXPECT_EQ(box.CompleteLate().size(), 1u);
}

TEST(BallotBox, WhatIsTooLateToBeCompletedIsNotKept) {
  for (const uint32_t max_staleness : {0, 1, 2}) {
    const std::shared_ptr<const SignVector> half = Planes(1);
    BallotBox box(kTwoBlocks, 0);
    box.Add(1, 1, 1, 0, half);
    for (uint64_t open = 1; open <= 3; ++open) {
      box.Close(open, {}, max_staleness);
      const uint64_t age = open;  // in the round that is open now
      EXPECT_EQ(half.use_count() > 1, age <= max_staleness) << "age " << age << " of " << max_staleness;
    }
  }
}

TEST(BallotBox, ACompleteLateBallotIsNotGivenUpForANewerOneThatIsNot) {
  BallotBox box(kTwoBlocks, 0);
  box.Close(2, {}, 2);  // round 3 is open
  box.Add(1, 1, 1, 0, Planes(1));
  EXPECT_EQ(box.Add(1, 1, 1, 1, Planes(2)), Outcome::kCompleted);
  EXPECT_EQ(box.Add(1, 1, 2, 0, Planes(3)), Outcome::kOlderCounts);
  const VoterId voters[] = {1};
  EXPECT_EQ(box.Close(3, voters, 2).at(1).round, 1u);
}

TEST(BallotBox, KnowsTheStripesOfAFraction) {
  BallotBox box(BlockRange::All(8 * kStripeCoordinates), 3);
  box.Add(7, 4, 1, 0, std::make_shared<const SignVector>(SignVector{std::vector<uint64_t>(2 * kWordsPerStripe), {}}));
  const VoterId voters[] = {7};
  const auto ballots = box.Close(1, voters, 0);
  const auto by_block = BallotsByBlock(ballots, 1, 1);
  const std::vector<uint32_t> expected = VotedStripes({3, 7, 1, 4}, 0, 8 * kStripeCoordinates);
  EXPECT_EQ(std::vector<uint32_t>(by_block[0][0].stripes.begin(), by_block[0][0].stripes.end()), expected);
  EXPECT_EQ(expected.size(), 2u);
}

TEST(Abstains, OnlyABallotThatSaysNothingOnAnyCoordinateOfAnyBlock) {
  const BlockRange range = BlockRange::All(kBlockCoordinates + 70);
  const auto planes = [](uint64_t coordinates) {
    SignVector nothing{std::vector<uint64_t>((coordinates + 63) / 64), {}};
    nothing.zeros.assign(nothing.signs.size(), ~uint64_t{0});
    if (coordinates % 64 != 0) nothing.zeros.back() = (uint64_t{1} << coordinates % 64) - 1;
    return nothing;
  };
  const auto ballot = [](const SignVector& first, const SignVector& second) {
    return PendingBallot{
        .blocks = {std::make_shared<const SignVector>(first), std::make_shared<const SignVector>(second)},
        .stripes = {}};
  };
  const SignVector whole = planes(kBlockCoordinates), rest = planes(70);
  EXPECT_TRUE(Abstains(ballot(whole, rest), range));
  SignVector one_vote = rest;
  one_vote.zeros.back() &= ~(uint64_t{1} << 5);  // the last coordinate
  EXPECT_FALSE(Abstains(ballot(whole, one_vote), range));
  EXPECT_FALSE(Abstains(ballot(whole, {rest.signs, {}}), range)) << "all are -1";
  one_vote = whole;
  one_vote.zeros[1000] = 0;
  EXPECT_FALSE(Abstains(ballot(one_vote, rest), range));

  PendingBallot striped = ballot(planes(512), planes(70));
  striped.stripes = {{7}, {0}};  // 512 coordinates, and the 70 of a short stripe
  EXPECT_TRUE(Abstains(striped, range));
}

}  // namespace
}  // namespace signvote
