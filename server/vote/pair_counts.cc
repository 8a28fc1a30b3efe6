#include "server/vote/pair_counts.h"

#include <algorithm>
#include <bit>

#include "common/blocks.h"
#include "common/random.h"
#include "server/vote/sections.h"

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

VotesOnWords::VotesOnWords(size_t ballots, uint64_t block_coordinates, std::vector<uint64_t> words)
    : block_coordinates_(block_coordinates),
      word_(std::move(words)),
      signs_(ballots * word_.size(), 0),
      said_(ballots) {
  const bool whole = word_.empty() || ExistsAt(word_.back()) == ~uint64_t{0};
  if (!whole) std::fill(said_.begin(), said_.end(), std::vector<uint64_t>(word_.size(), 0));
}

uint64_t VotesOnWords::ExistsAt(uint64_t word) const {
  const uint64_t left = block_coordinates_ - word * 64;
  return left >= 64 ? ~uint64_t{0} : (uint64_t{1} << left) - 1;
}

void VotesOnWords::Collect(const BallotTiles& tiles) {
  const uint64_t end = tiles.first_word() + tiles.words();
  for (; next_ < word_.size() && word_[next_] < end; ++next_) {
    const uint64_t at = word_[next_] - tiles.first_word(), exists = ExistsAt(word_[next_]);
    size_t ballot = 0;
    const auto silent_before = [&](size_t voted) {  // ballots that did not vote on this stripe
      for (; ballot < voted; ++ballot) {
        if (said_[ballot].empty()) said_[ballot].assign(word_.size(), ~uint64_t{0});
        said_[ballot][next_] = 0;
      }
    };
    for (const TileVote& vote : tiles.votes()) {
      silent_before(vote.ballot);
      signs_[ballot * word_.size() + next_] = vote.signs[at];
      const uint64_t said = vote.zeros == nullptr ? exists : exists & ~vote.zeros[at];
      if (said_[ballot].empty() && said != ~uint64_t{0}) said_[ballot].assign(word_.size(), ~uint64_t{0});
      if (!said_[ballot].empty()) said_[ballot][next_] = said;
      ++ballot;
    }
    silent_before(ballots());
  }
}

BallotSample::BallotSample(uint64_t round, std::span<const Ballot> ballots, const BlockShape& shape,
                           std::span<const uint64_t> before)
    : votes_(0, 0, {}), before_(ballots.size(), shape.coordinates, {before.begin(), before.end()}) {
  const uint64_t words = WordsFor(shape.coordinates), all = SampleWords(ballots.size());
  const uint64_t digest = Digest(round, ballots);
  std::vector<uint64_t> sampled;
  for (size_t i = 0; i < shape.sections.size(); ++i) {
    const SectionBounds bounds = BoundsOf(shape.sections, shape.coordinates, i);
    const uint64_t first = WordsFor(bounds.begin), end = WordsFor(bounds.end);
    const uint64_t share = std::max(all / 16, all * (end - first) / std::max<uint64_t>(words, 1));
    const uint64_t stride = std::max<uint64_t>(1, (end - first) / share);
    for (uint64_t word = first + digest % stride; word < end; word += stride) sampled.push_back(word);
    begin_.push_back(sampled.size());
  }
  votes_ = VotesOnWords(ballots.size(), shape.coordinates, std::move(sampled));
  for (size_t i = 0; i < shape.sections.size(); ++i) {
    coordinates_.push_back(0);
    for (size_t at = begin_[i]; at < begin_[i + 1]; ++at) coordinates_.back() += std::popcount(votes_.Exists(at));
  }
}

namespace {

// Of each ballot with votes in few of the sampled words, which these are, a bit each; empty: it has votes in many.
std::vector<std::vector<uint64_t>> FewWords(const BallotSample& sample, size_t section) {
  constexpr uint64_t kSparse = 4;  // from there on single words are sooner counted than all by SIMD
  const uint64_t words = sample.words(section);
  std::vector<std::vector<uint64_t>> few(sample.ballots());
  for (size_t b = 0; b < sample.ballots(); ++b) {
    const uint64_t* said = sample.said(section, b);
    if (said == nullptr) continue;
    const auto silent = static_cast<uint64_t>(std::count(said, said + words, uint64_t{0}));
    if ((words - silent) * kSparse >= words) continue;
    few[b].assign(WordsFor(words), 0);
    for (uint64_t i = 0; i < words; ++i) few[b][i / 64] |= uint64_t{said[i] != 0} << (i % 64);
  }
  return few;
}

// As Kernels::count_pair, of the words that both voted in: with fraction 1/k these are one in k * k.
PairCount CountCommonWords(const BallotSample& sample, size_t section, size_t a, size_t b,
                           const std::vector<std::vector<uint64_t>>& few) {
  const uint64_t *signs_a = sample.signs(section, a), *signs_b = sample.signs(section, b);
  const uint64_t *said_a = sample.said(section, a), *said_b = sample.said(section, b);
  PairCount count;
  for (size_t w = 0; w < few[a].size(); ++w) {
    for (uint64_t common = few[a][w] & few[b][w]; common != 0; common &= common - 1) {
      const size_t i = 64 * w + static_cast<size_t>(std::countr_zero(common));
      const uint64_t both = said_a[i] & said_b[i];
      count.both += std::popcount(both);
      count.agree += std::popcount(both & ~(signs_a[i] ^ signs_b[i]));
    }
  }
  return count;
}

}  // namespace

std::vector<PairCount> CountPairs(const BallotSample& sample, size_t section, std::span<const uint32_t> columns,
                                  const Kernels& kernels) {
  const size_t k = columns.size();
  std::vector<PairCount> counts(sample.ballots() * k);
  const std::vector<std::vector<uint64_t>> few = FewWords(sample, section);
  const auto count_pair = [&](size_t a, size_t b) {
    if (!few[a].empty() && !few[b].empty()) return CountCommonWords(sample, section, a, b, few);
    return kernels.count_pair(sample.signs(section, a), sample.said(section, a), sample.signs(section, b),
                              sample.said(section, b), sample.words(section));
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
