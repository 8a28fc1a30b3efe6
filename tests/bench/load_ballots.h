// Ballots without training, cheaply: a true sign vector that drifts from round to round, and every voter wrong on it in
// a share of the coordinates of its own, from 30 to 49 percent, as gradients of small batches are.
//
// Truth and errors come from pools of random words, read by every draw, voter and round from another place on, so that
// a ballot costs a few operations a word: what is measured is not the load. Each round draws 2 of 64 coordinates of the
// truth anew. Thread-safe after construction.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/blocks.h"

namespace signvote {

class LoadBallots {
 public:
  explicit LoadBallots(uint64_t seed);

  // The share of coordinates on which this voter is wrong.
  static double ErrorRate(uint64_t voter);

  // The signs of a block of `coordinates`, packed; unused bits of the last word are 0. words: WordsFor(coordinates).
  void Fill(uint64_t voter, uint64_t round, uint64_t block, uint64_t coordinates, std::span<uint64_t> words) const;

  // Word `word` of the truth, counted from the start of the model.
  uint64_t Truth(uint64_t round, uint64_t word) const;

 private:
  // Where the words of a block begin in the pool of truths, in the draw-th of them.
  const uint64_t* TruthOf(uint64_t draw, uint64_t block) const;

  const uint64_t key_;
  std::vector<uint64_t> truths_;
  std::vector<std::vector<uint64_t>> pools_;  // one an error rate, each a block longer than where a reader may begin
};

}  // namespace signvote
