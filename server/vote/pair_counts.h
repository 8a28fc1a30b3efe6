// How alike voters vote in one round, counted over a sample of a block's words.
//
// Of the W words of a section the sample is those with index offset + i * stride in it, stride = max(1, W / its share
// of SampleWords). The share goes by size, but is a sixteenth at least. The offset is drawn from the ballots
// themselves: who knew beforehand where it will be compared with others could agree with them there and lie elsewhere.
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

// What each ballot says on some words of a block, collected while the tiles go by.
class VotesOnWords {
 public:
  // `words`: ascending, of the block.
  VotesOnWords(size_t ballots, uint64_t block_coordinates, std::vector<uint64_t> words);

  void Collect(const BallotTiles& tiles);

  size_t ballots() const { return said_.size(); }
  std::span<const uint64_t> words() const { return word_; }
  const uint64_t* signs(size_t ballot) const { return signs_.data() + ballot * word_.size(); }
  // Coordinates with a vote that is no abstention; nullptr: all.
  const uint64_t* said(size_t ballot) const { return said_[ballot].empty() ? nullptr : said_[ballot].data(); }
  // Those of word i of `words` that the block has.
  uint64_t Exists(size_t i) const { return ExistsAt(word_[i]); }

 private:
  uint64_t ExistsAt(uint64_t word) const;

  uint64_t block_coordinates_;
  std::vector<uint64_t> word_;
  size_t next_ = 0;                          // of word_: first that is not collected
  std::vector<uint64_t> signs_;              // [ballot][word]
  std::vector<std::vector<uint64_t>> said_;  // by ballot
};

// The sample of a round, and what its ballots say on the words `before` of an earlier one.
class BallotSample {
 public:
  BallotSample(uint64_t round, std::span<const Ballot> ballots, const BlockShape& shape,
               std::span<const uint64_t> before = {});

  void Collect(const BallotTiles& tiles) {
    votes_.Collect(tiles);
    before_.Collect(tiles);
  }

  size_t ballots() const { return votes_.ballots(); }
  size_t sections() const { return coordinates_.size(); }
  uint64_t words(size_t section) const { return begin_[section + 1] - begin_[section]; }
  uint64_t coordinates(size_t section) const { return coordinates_[section]; }  // in the words
  const uint64_t* signs(size_t section, size_t ballot) const { return votes_.signs(ballot) + begin_[section]; }
  // As VotesOnWords::said.
  const uint64_t* said(size_t section, size_t ballot) const {
    return votes_.said(ballot) == nullptr ? nullptr : votes_.said(ballot) + begin_[section];
  }
  // Index of the first of a section's words in those of votes().
  size_t begin(size_t section) const { return begin_[section]; }
  const VotesOnWords& votes() const { return votes_; }
  const VotesOnWords& before() const { return before_; }

 private:
  std::vector<size_t> begin_{0};       // by section, and the end
  std::vector<uint64_t> coordinates_;  // by section
  VotesOnWords votes_, before_;
};

// [ballot][column]: each ballot against those at `columns` (indices of ballots, ascending), in one section. A ballot
// against itself is left at 0.
std::vector<PairCount> CountPairs(const BallotSample& sample, size_t section, std::span<const uint32_t> columns,
                                  const Kernels& kernels);

}  // namespace signvote
