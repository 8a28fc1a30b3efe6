#include "server/vote/pair_counts.h"

#include <algorithm>

#include "common/blocks.h"

namespace signvote {
namespace {

constexpr uint64_t kSampleWords = 256;

// Walks the words of one ballot in ascending order.
class WordFinder {
 public:
  explicit WordFinder(const Ballot& ballot) : ballot_(ballot) {}

  // Where word `word` of the block lies in the planes, or -1 when the voter did not vote on it.
  int64_t Find(uint64_t word) {
    if (ballot_.stripes.empty()) return static_cast<int64_t>(word);
    const uint64_t stripe = word / kWordsPerStripe;
    while (at_ < ballot_.stripes.size() && ballot_.stripes[at_] < stripe) ++at_;
    if (at_ == ballot_.stripes.size() || ballot_.stripes[at_] != stripe) return -1;
    return static_cast<int64_t>(at_ * kWordsPerStripe + word % kWordsPerStripe);
  }

 private:
  const Ballot& ballot_;
  size_t at_ = 0;
};

}  // namespace

BallotSample SampleBallots(uint64_t round, std::span<const Ballot> ballots, uint64_t coordinates) {
  const uint64_t words = WordsFor(coordinates);
  const uint64_t stride = std::max<uint64_t>(1, words / kSampleWords);
  const uint64_t offset = round % stride;
  BallotSample sample;
  sample.words = words == 0 ? 0 : (words - offset + stride - 1) / stride;
  std::vector<uint64_t> exists(sample.words, ~uint64_t{0});
  if (coordinates % 64 != 0 && offset + (sample.words - 1) * stride == words - 1) {
    exists.back() = (uint64_t{1} << (coordinates % 64)) - 1;
  }
  for (const uint64_t mask : exists) sample.coordinates += static_cast<uint64_t>(__builtin_popcountll(mask));
  sample.signs.resize(ballots.size() * sample.words);
  sample.said.resize(ballots.size() * sample.words);
  for (size_t b = 0; b < ballots.size(); ++b) {
    WordFinder finder(ballots[b]);
    for (uint64_t i = 0; i < sample.words; ++i) {
      const int64_t at = finder.Find(offset + i * stride);
      if (at < 0) continue;
      sample.signs[b * sample.words + i] = ballots[b].signs[at];
      sample.said[b * sample.words + i] = exists[i] & (ballots[b].zeros.empty() ? ~uint64_t{0} : ~ballots[b].zeros[at]);
    }
  }
  return sample;
}

std::vector<PairCount> CountPairs(const BallotSample& sample, size_t ballots, std::span<const uint32_t> columns,
                                  const Kernels& kernels) {
  std::vector<PairCount> counts(ballots * columns.size());
  const uint64_t* signs = sample.signs.data();
  const uint64_t* said = sample.said.data();
  size_t own = 0;  // columns before the ballot: those pairs are counted already, the other way round
  for (size_t b = 0; b < ballots; ++b) {
    const bool has_column = own < columns.size() && columns[own] == b;
    for (size_t c = 0; c < columns.size(); ++c) {
      const uint64_t other = columns[c];
      if (has_column && c <= own) {
        if (c < own) counts[b * columns.size() + c] = counts[other * columns.size() + own];
        continue;
      }
      counts[b * columns.size() + c] =
          kernels.count_pair(signs + b * sample.words, said + b * sample.words, signs + other * sample.words,
                             said + other * sample.words, sample.words);
    }
    own += has_column;
  }
  return counts;
}

}  // namespace signvote
