// How alike voters vote in one round, counted over a sample of a block's words that rotates from round to round.
//
// Of W words the sample is those with index offset + i * stride, stride = max(1, W / 256), offset = round mod stride.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "server/vote/kernels.h"
#include "server/vote/rule.h"

namespace signvote {

struct BallotSample {
  uint64_t words = 0;
  uint64_t coordinates = 0;      // in those words
  std::vector<uint64_t> signs;   // [ballot][word]
  std::vector<uint64_t> said;    // the same: coordinates with a vote that is no abstention
};

BallotSample SampleBallots(uint64_t round, std::span<const Ballot> ballots, uint64_t coordinates);

// [ballot][column]: each ballot against those at `columns` (indices of ballots, ascending). A ballot against itself is
// left at 0.
std::vector<PairCount> CountPairs(const BallotSample& sample, size_t ballots, std::span<const uint32_t> columns,
                                  const Kernels& kernels);

}  // namespace signvote
