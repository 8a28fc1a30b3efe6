#include "server/vote/pair_counts.h"

#include <algorithm>
#include <bit>

#include "common/blocks.h"
#include "common/random.h"

namespace signvote {
namespace {

// Of each ballot some words, evenly apart: enough that no voter knows them all.
uint64_t Digest(uint64_t round, std::span<const Ballot> ballots) {
  constexpr size_t kDigested = 8;
  uint64_t digest = Mix(round);
  for (const Ballot& ballot : ballots) {
    const size_t size = ballot.signs.size();
    for (size_t i = 0; i < kDigested && size > 0; ++i) digest = Mix(digest ^ ballot.signs[size * i / kDigested]);
  }
  return digest;
}

}  // namespace

BallotSample::BallotSample(uint64_t round, std::span<const Ballot> ballots, uint64_t coordinates)
    : block_coordinates_(coordinates),
      stride_(std::max<uint64_t>(1, WordsFor(coordinates) / SampleWords(ballots.size()))),
      offset_(stride_ == 1 ? 0 : Digest(round, ballots) % stride_),
      said_(ballots.size()) {
  const uint64_t words = WordsFor(coordinates);
  words_ = words == 0 ? 0 : (words - offset_ + stride_ - 1) / stride_;
  for (uint64_t i = 0; i < words_; ++i) coordinates_ += std::popcount(Exists(offset_ + i * stride_));
  signs_.assign(ballots.size() * words_, 0);
  const bool whole = coordinates_ == 64 * words_;
  if (!whole) std::fill(said_.begin(), said_.end(), std::vector<uint64_t>(words_, 0));
}

uint64_t BallotSample::Exists(uint64_t word) const {
  const uint64_t left = block_coordinates_ - word * 64;
  return left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
}

void BallotSample::Collect(const BallotTiles& tiles) {
  const uint64_t end = tiles.first_word() + tiles.words();
  for (; next_ < words_ && offset_ + next_ * stride_ < end; ++next_) {
    const uint64_t word = offset_ + next_ * stride_, at = word - tiles.first_word();
    const uint64_t exists = Exists(word);
    size_t ballot = 0;
    const auto silent_before = [&](size_t voted) {  // ballots that did not vote on this stripe
      for (; ballot < voted; ++ballot) {
        if (said_[ballot].empty()) said_[ballot].assign(words_, ~uint64_t{0});
        said_[ballot][next_] = 0;
      }
    };
    for (const TileVote& vote : tiles.votes()) {
      silent_before(vote.ballot);
      signs_[ballot * words_ + next_] = vote.signs[at];
      const uint64_t said = vote.zeros == nullptr ? exists : exists & ~vote.zeros[at];
      if (said_[ballot].empty() && said != ~uint64_t{0}) said_[ballot].assign(words_, ~uint64_t{0});
      if (!said_[ballot].empty()) said_[ballot][next_] = said;
      ++ballot;
    }
    silent_before(ballots());
  }
}

namespace {

// Of each ballot with votes in few of the sampled words, which these are, a bit each; empty: it has votes in many.
std::vector<std::vector<uint64_t>> FewWords(const BallotSample& sample) {
  constexpr uint64_t kSparse = 4;  // from there on single words are sooner counted than all by SIMD
  std::vector<std::vector<uint64_t>> few(sample.ballots());
  for (size_t b = 0; b < sample.ballots(); ++b) {
    const uint64_t* said = sample.said(b);
    if (said == nullptr) continue;
    const auto silent = static_cast<uint64_t>(std::count(said, said + sample.words(), uint64_t{0}));
    if ((sample.words() - silent) * kSparse >= sample.words()) continue;
    few[b].assign(WordsFor(sample.words()), 0);
    for (uint64_t i = 0; i < sample.words(); ++i) few[b][i / 64] |= uint64_t{said[i] != 0} << (i % 64);
  }
  return few;
}

// As Kernels::count_pair, of the words that both voted in: with fraction 1/k these are one in k * k.
PairCount CountCommonWords(const BallotSample& sample, size_t a, size_t b, std::span<const uint64_t> words_a,
                           std::span<const uint64_t> words_b) {
  PairCount count;
  for (size_t w = 0; w < words_a.size(); ++w) {
    for (uint64_t common = words_a[w] & words_b[w]; common != 0; common &= common - 1) {
      const size_t i = 64 * w + static_cast<size_t>(std::countr_zero(common));
      const uint64_t both = sample.said(a)[i] & sample.said(b)[i];
      count.both += std::popcount(both);
      count.agree += std::popcount(both & ~(sample.signs(a)[i] ^ sample.signs(b)[i]));
    }
  }
  return count;
}

}  // namespace

std::vector<PairCount> CountPairs(const BallotSample& sample, std::span<const uint32_t> columns,
                                  const Kernels& kernels) {
  const size_t k = columns.size();
  std::vector<PairCount> counts(sample.ballots() * k);
  const std::vector<std::vector<uint64_t>> few = FewWords(sample);
  const auto count_pair = [&](size_t a, size_t b) {
    if (!few[a].empty() && !few[b].empty()) return CountCommonWords(sample, a, b, few[a], few[b]);
    return kernels.count_pair(sample.signs(a), sample.said(a), sample.signs(b), sample.said(b), sample.words());
  };
  size_t own = 0;  // columns before the ballot: those pairs are counted already, the other way round
  for (size_t b = 0; b < sample.ballots(); ++b) {
    const bool has_column = own < k && columns[own] == b;
    for (size_t c = 0; c < k; ++c) {
      const size_t other = columns[c];
      if (has_column && c <= own) {
        if (c < own) counts[b * k + c] = counts[other * k + own];
        continue;
      }
      counts[b * k + c] = count_pair(b, other);
    }
    own += has_column;
  }
  return counts;
}

}  // namespace signvote
