// The sample of words and what is counted in it, against a walk over single coordinates.
#include <gtest/gtest.h>

#include "server/vote/pair_counts.h"
#include "tests/server/vote/random_rounds.h"

namespace signvote {
namespace {

// Of each section so many words apart (docs/arithmetic.md): at most 32 ballots.
uint64_t Stride(uint64_t words, uint64_t words_of_block) {
  return std::max<uint64_t>(1, words / std::max<uint64_t>(128, 2048 * words / words_of_block));
}

// Some words of every ballot, mixed.
uint64_t Digest(uint64_t round, const std::vector<OwnedBallot>& ballots) {
  uint64_t digest = Mix(round);
  for (const OwnedBallot& ballot : ballots) {
    for (uint64_t i = 0; i < 8 && !ballot.signs.empty(); ++i)
      digest = Mix(digest ^ ballot.signs[ballot.signs.size() * i / 8]);
  }
  return digest;
}

// What the sample should count of two voters, walking over the coordinates of the words in [begin, end).
PairCount Walk(const std::vector<int>& a, const std::vector<int>& b, uint64_t begin, uint64_t end, uint64_t stride,
               uint64_t offset, uint64_t* sampled) {
  PairCount count;
  *sampled = 0;
  for (uint64_t n = 64 * begin; n < std::min<uint64_t>(64 * end, a.size()); ++n) {
    if ((n / 64 - begin) % stride != offset) continue;
    ++*sampled;
    if (std::abs(a[n]) != 1 || std::abs(b[n]) != 1) continue;
    ++count.both;
    count.agree += a[n] == b[n];
  }
  return count;
}

struct SampleCase {
  uint64_t coordinates;
  std::vector<uint32_t> sections{0};
};

TEST(PairCountsTest, CountsTheSampledCoordinatesOnWhichBothVoted) {
  const SampleCase cases[] = {
      {1}, {100}, {5000}, {40'000}, {300'001}, {5000, {0, 3, 7}}, {300'001, {0, 400, 402, 580}}};
  const std::vector<uint32_t> columns{0, 2, 3, 4, 7, 10};
  for (const SampleCase& c : cases) {
    RandomRounds rounds({.coordinates = c.coordinates, .voters = 16, .abstain = 0.2, .stripes = true}, 31);
    for (uint64_t round = 7; round < 10; ++round) {
      const RandomRound r = rounds.Next();
      const std::vector<Ballot> views = Views(r.ballots);
      const BlockShape shape{0, c.coordinates, c.sections};
      BallotSample sample(round, views, shape);
      for (BallotTiles tiles(views, shape); tiles.Next();) sample.Collect(tiles);
      std::vector<std::vector<int>> votes;
      for (const OwnedBallot& ballot : r.ballots) votes.push_back(Expand(ballot, c.coordinates));
      ASSERT_EQ(sample.sections(), c.sections.size());
      for (size_t section = 0; section < c.sections.size(); ++section) {
        const uint64_t words = (c.coordinates + 63) / 64, begin = c.sections[section] * 8;
        const uint64_t end = section + 1 < c.sections.size() ? c.sections[section + 1] * 8 : words;
        const uint64_t stride = Stride(end - begin, words), offset = Digest(round, r.ballots) % stride;
        const std::vector<PairCount> fast = CountPairs(sample, section, columns, FastKernels());
        const std::vector<PairCount> counts = CountPairs(sample, section, columns, ReferenceKernels());
        for (size_t b = 0; b < views.size(); ++b) {
          for (size_t k = 0; k < columns.size(); ++k) {
            uint64_t sampled = 0;
            PairCount expected = Walk(votes[b], votes[columns[k]], begin, end, stride, offset, &sampled);
            EXPECT_EQ(sample.coordinates(section), sampled);
            if (columns[k] == b) expected = {};
            const size_t at = b * columns.size() + k;
            ASSERT_EQ(counts[at].both, expected.both) << b << " " << k << " of " << c.coordinates;
            ASSERT_EQ(counts[at].agree, expected.agree);
            ASSERT_EQ(fast[at].both, expected.both);
            ASSERT_EQ(fast[at].agree, expected.agree);
          }
        }
      }
    }
  }
}

TEST(PairCountsTest, TellsWhatBallotsSayOnWordsOfAnEarlierRound) {
  constexpr uint64_t kCoordinates = 5000;
  const BlockShape shape{0, kCoordinates, {0, 3, 7}};
  const std::vector<uint64_t> words{0, 1, 30, 77, 78};  // the last is short
  RandomRounds rounds({.coordinates = kCoordinates, .voters = 16, .abstain = 0.2, .stripes = true}, 32);
  const RandomRound r = rounds.Next();
  const std::vector<Ballot> views = Views(r.ballots);
  BallotSample sample(1, views, shape, words);
  for (BallotTiles tiles(views, shape); tiles.Next();) sample.Collect(tiles);
  const VotesOnWords& before = sample.before();
  for (size_t b = 0; b < views.size(); ++b) {
    const std::vector<int> votes = Expand(r.ballots[b], kCoordinates);
    for (size_t i = 0; i < words.size(); ++i) {
      for (uint64_t bit = 0; bit < 64; ++bit) {
        const uint64_t n = words[i] * 64 + bit;
        const bool exists = n < kCoordinates;
        ASSERT_EQ(before.Exists(i) >> bit & 1, exists);
        const uint64_t said = before.said(b) == nullptr ? before.Exists(i) : before.said(b)[i];
        ASSERT_EQ(said >> bit & 1, exists && std::abs(votes[n]) == 1) << "ballot " << b << " coordinate " << n;
        ASSERT_EQ(before.signs(b)[i] & said & (uint64_t{1} << bit), exists && votes[n] == 1 ? uint64_t{1} << bit : 0);
      }
    }
  }
}

}  // namespace
}  // namespace signvote
