// The sample of words and what is counted in it, against a walk over single coordinates.
#include <gtest/gtest.h>

#include "server/vote/pair_counts.h"
#include "tests/server/vote/random_rounds.h"

namespace signvote {
namespace {

bool Sampled(uint64_t round, uint64_t coordinate, uint64_t coordinates) {
  const uint64_t words = (coordinates + 63) / 64, stride = words < 4096 ? 1 : words / 2048;
  return coordinate / 64 % stride == round % stride;
}

TEST(PairCountsTest, CountsTheSampledCoordinatesOnWhichBothVoted) {
  for (const uint64_t coordinates : {1, 100, 5000, 40'000, 300'001}) {
    RandomRounds rounds({.coordinates = coordinates, .voters = 16, .abstain = 0.2, .stripes = true}, 31);
    for (uint64_t round = 7; round < 10; ++round) {
      const RandomRound r = rounds.Next();
      const std::vector<Ballot> views = Views(r.ballots);
      BallotSample sample(round, views.size(), coordinates);
      for (BallotTiles tiles(views, coordinates); tiles.Next();) sample.Collect(tiles);
      const std::vector<uint32_t> columns{0, 2, 3, 4, 7, 10};
      const std::vector<PairCount> fast = CountPairs(sample, columns, FastKernels());
      const std::vector<PairCount> counts = CountPairs(sample, columns, ReferenceKernels());
      std::vector<std::vector<int>> votes;
      for (const OwnedBallot& ballot : r.ballots) votes.push_back(Expand(ballot, coordinates));
      uint64_t size = 0;
      for (uint64_t n = 0; n < coordinates; ++n) size += Sampled(round, n, coordinates);
      EXPECT_EQ(sample.coordinates(), size);
      for (size_t b = 0; b < views.size(); ++b) {
        for (size_t c = 0; c < columns.size(); ++c) {
          PairCount expected;
          for (uint64_t n = 0; n < coordinates && columns[c] != b; ++n) {
            const int i = votes[b][n], j = votes[columns[c]][n];
            if (!Sampled(round, n, coordinates) || std::abs(i) != 1 || std::abs(j) != 1) continue;
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
