// How alike voters vote in one round, counted over a sample of a block's words.
//
// Of W words the sample is those with index offset + i * stride, stride = max(1, W / SampleWords(ballots)). The offset
// is drawn from the ballots themselves: who knew beforehand where it will be compared with others could agree with them
// there and lie elsewhere.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "server/vote/ballot_tiles.h"
#include "server/vote/kernels.h"

namespace signvote {

// How many words of a block to sample: 2^17 coordinates while voters are few, since late in training the weakest voters
// agree on less than a hundredth of their signs. From 32 voters on so many that counting all pairs stays the same work;
// each voter has the more pairs. 2^14 coordinates at least.
constexpr uint64_t SampleWords(size_t ballots) {
  constexpr uint64_t kMost = 2048, kFew = 32;
  return ballots <= kFew ? kMost : std::max<uint64_t>(256, kMost * kFew * kFew / (uint64_t{ballots} * ballots));
}

// Collects the sample while the tiles go by.
class BallotSample {
 public:
  BallotSample(uint64_t round, std::span<const Ballot> ballots, uint64_t coordinates);

  void Collect(const BallotTiles& tiles);

  size_t ballots() const { return said_.size(); }
  uint64_t words() const { return words_; }
  uint64_t coordinates() const { return coordinates_; }  // in the words
  const uint64_t* signs(size_t ballot) const { return signs_.data() + ballot * words_; }
  // Coordinates with a vote that is no abstention; nullptr: all.
  const uint64_t* said(size_t ballot) const { return said_[ballot].empty() ? nullptr : said_[ballot].data(); }

 private:
  uint64_t Exists(uint64_t word) const;  // mask of the word's coordinates that the block has

  const uint64_t block_coordinates_, stride_, offset_;
  uint64_t words_ = 0;
  uint64_t coordinates_ = 0;
  uint64_t next_ = 0;                        // of the sample: first word that is not collected
  std::vector<uint64_t> signs_;              // [ballot][word]
  std::vector<std::vector<uint64_t>> said_;  // by ballot
};

// [ballot][column]: each ballot against those at `columns` (indices of ballots, ascending). A ballot against itself is
// left at 0.
std::vector<PairCount> CountPairs(const BallotSample& sample, std::span<const uint32_t> columns,
                                  const Kernels& kernels);

}  // namespace signvote
