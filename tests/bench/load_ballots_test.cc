#include "tests/bench/load_ballots.h"

#include <gtest/gtest.h>

#include <bit>

namespace signvote {
namespace {

constexpr uint64_t kSize = kBlockCoordinates;

std::vector<uint64_t> Ballot(const LoadBallots& ballots, uint64_t voter, uint64_t round, uint64_t block = 1,
                             uint64_t size = kSize) {
  std::vector<uint64_t> words(WordsFor(size));
  ballots.Fill(voter, round, block, size, words);
  return words;
}

std::vector<uint64_t> Truth(const LoadBallots& ballots, uint64_t round) {
  std::vector<uint64_t> words;
  for (uint64_t w = 0; w < WordsFor(kSize); ++w) words.push_back(ballots.Truth(round, WordsFor(kSize) + w));
  return words;
}

double Distance(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  uint64_t bits = 0;
  for (size_t i = 0; i < a.size(); ++i) bits += std::popcount(a[i] ^ b[i]);
  return static_cast<double>(bits) / static_cast<double>(kSize);
}

TEST(LoadBallots, ErrAtTheirRateIndependently) {
  const LoadBallots ballots(1);
  const std::vector<uint64_t> truth = Truth(ballots, 7);
  for (uint64_t voter = 0; voter < 10; ++voter) {
    const double p = LoadBallots::ErrorRate(voter);
    const std::vector<uint64_t> ballot = Ballot(ballots, voter, 7);
    EXPECT_NEAR(Distance(ballot, truth), p, 0.003) << voter;
    const double q = LoadBallots::ErrorRate(voter + 8);  // the same pool
    EXPECT_NEAR(Distance(ballot, Ballot(ballots, voter + 8, 7)), p * (1 - q) + q * (1 - p), 0.003) << voter;
  }
}

TEST(LoadBallots, AreTheSameEveryTimeAndOthersInOtherRounds) {
  EXPECT_EQ(Ballot(LoadBallots(1), 3, 5), Ballot(LoadBallots(1), 3, 5));
  EXPECT_NE(Ballot(LoadBallots(1), 3, 5), Ballot(LoadBallots(2), 3, 5));
  EXPECT_NE(Ballot(LoadBallots(1), 3, 5), Ballot(LoadBallots(1), 3, 6));
}

TEST(LoadBallots, TruthDriftsSlowly) {
  const LoadBallots ballots(1);
  for (const uint64_t round : {1, 30, 31, 32, 63}) {
    EXPECT_NEAR(Distance(Truth(ballots, round), Truth(ballots, round + 1)), 1.0 / 64, 0.002) << round;
  }
  EXPECT_NEAR(Distance(Truth(ballots, 1), Truth(ballots, 65)), 0.5, 0.005);
}

TEST(LoadBallots, LeaveUnusedBitsZero) {
  const std::vector<uint64_t> words = Ballot(LoadBallots(1), 0, 1, 0, 70);
  ASSERT_EQ(words.size(), 2u);
  EXPECT_EQ(words[1] >> 6, 0u);
}

}  // namespace
}  // namespace signvote
