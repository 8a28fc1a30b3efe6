// The loops over coordinates, in two implementations that are equal bit for bit: plain scalar code that says what is
// meant, and SIMD code chosen at run time for this machine.
#pragma once

#include <cstdint>
#include <span>

#include "server/vote/ballot_tiles.h"
#include "server/vote/likelihood.h"

namespace signvote {

// Where a tile's decision goes: one bit a coordinate in each plane. A coordinate holds (zeros bit, sign 0) where the
// evidence is 0 or nobody said anything but abstain.
struct TileDecision {
  uint64_t words = 0;  // whole stripes
  uint64_t* signs = nullptr;
  uint64_t* zeros = nullptr;
};

// E <- carried(E) + sum of w * Y over the tile. weights are by TileVote::ballot; sum |w| keeps E within its type.
struct WeightedTile {
  std::span<const TileVote> votes;
  const int32_t* weights = nullptr;
  int32_t r = 0;
  TileDecision decision;
};

// The likelihood product over a tile, and the error counts after it (likelihood.h).
template <typename Count>
struct LikelihoodTile {
  std::span<const LikelihoodVote> votes;
  Count* counts = nullptr;      // of the tile's first word: [word][voter][64]
  uint64_t word_stride = 0;     // counters from one word to the next
  int32_t* evidence = nullptr;  // nullptr: the product decides alone
  const LikelihoodRule* rule = nullptr;
  TileDecision decision;
};

struct PairCount {
  uint32_t agree = 0;
  uint32_t both = 0;
};

struct Kernels {
  // evidence: of the tile's coordinates, or nullptr when r = 0.
  void (*sum_narrow)(const WeightedTile& tile, int16_t* evidence);
  void (*sum_wide)(const WeightedTile& tile, int32_t* evidence);
  // Every weight 1, no evidence.
  void (*majority)(std::span<const TileVote> votes, const TileDecision& decision);
  void (*likelihood8)(const LikelihoodTile<uint8_t>& tile);
  void (*likelihood16)(const LikelihoodTile<uint16_t>& tile);
  // Bits equal, and bits said by both, of two voters in a sample of `words` words. said: nullptr for all bits.
  PairCount (*count_pair)(const uint64_t* signs_a, const uint64_t* said_a, const uint64_t* signs_b,
                          const uint64_t* said_b, uint64_t words);
};

const Kernels& ReferenceKernels();
const Kernels& FastKernels();

}  // namespace signvote
