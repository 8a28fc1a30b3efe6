// The sample of words and what is counted in it, against a walk over single coordinates.
#include <gtest/gtest.h>

#include "server/vote/pair_counts.h"
#include "tests/server/vote/random_rounds.h"

namespace signvote {
namespace {

uint64_t Stride(uint64_t coordinates) {
  const uint64_t words = (coordinates + 63) / 64;
  return words < 4096 ? 1 : words / 2048;
}

// Some words of every ballot, mixed (docs/arithmetic.md).
uint64_t Offset(uint64_t round, const std::vector<OwnedBallot>& ballots, uint64_t coordinates) {
  uint64_t digest = Mix(round);
  for (const OwnedBallot& ballot : ballots) {
    for (uint64_t i = 0; i < 8 && !ballot.signs.empty(); ++i)
      digest = Mix(digest ^ ballot.signs[ballot.signs.size() * i / 8]);
  }
  return digest % Stride(coordinates);
}

TEST(PairCountsTest, CountsTheSampledCoordinatesOnWhichBothVoted) {
  for (const uint64_t coordinates : {1, 100, 5000, 40'000, 300'001}) {
    RandomRounds rounds({.coordinates = coordinates, .voters = 16, .abstain = 0.2, .stripes = true}, 31);
    for (uint64_t round = 7; round < 10; ++round) {
      const RandomRound r = rounds.Next();
      const std::vector<Ballot> views = Views(r.ballots);
      BallotSample sample(round, views, coordinates);
      const uint64_t offset = Offset(round, r.ballots, coordinates);
      const auto sampled = [&](uint64_t n) { return n / 64 % Stride(coordinates) == offset; };
      for (BallotTiles tiles(views, coordinates); tiles.Next();) sample.Collect(tiles);
      const std::vector<uint32_t> columns{0, 2, 3, 4, 7, 10};
      const std::vector<PairCount> fast = CountPairs(sample, columns, FastKernels());
      const std::vector<PairCount> counts = CountPairs(sample, columns, ReferenceKernels());
      std::vector<std::vector<int>> votes;
      for (const OwnedBallot& ballot : r.ballots) votes.push_back(Expand(ballot, coordinates));
      uint64_t size = 0;
      for (uint64_t n = 0; n < coordinates; ++n) size += sampled(n);
      EXPECT_EQ(sample.coordinates(), size);
      for (size_t b = 0; b < views.size(); ++b) {
        for (size_t c = 0; c < columns.size(); ++c) {
          PairCount expected;
          for (uint64_t n = 0; n < coordinates && columns[c] != b; ++n) {
            const int i = votes[b][n], j = votes[columns[c]][n];
            if (!sampled(n) || std::abs(i) != 1 || std::abs(j) != 1) continue;
            ++expected.both;
            expected.agree += i == j;
          }
          ASSERT_EQ(counts[b * columns.size() + c].both, expected.both) << b << " " << c << " of " << coordinates;
          ASSERT_EQ(counts[b * columns.size() + c].agree, expected.agree);
          ASSERT_EQ(fast[b * columns.size() + c].both, expected.both);
          ASSERT_EQ(fast[b * columns.size() + c].agree, expected.agree);
        }
      }
    }
  }
}

}  // namespace
}  // namespace signvote
