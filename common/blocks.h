// How the coordinates of a model are cut: blocks of 2^20 coordinates are the unit of transfer, decoding, counting,
// parallelism and sharding; stripes of 512 are the unit of `fraction`; words of 64 are the unit of packed signs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace signvote {

inline constexpr uint64_t kBlockCoordinates = uint64_t{1} << 20;
inline constexpr uint64_t kStripeCoordinates = 512;
inline constexpr uint64_t kWordsPerStripe = kStripeCoordinates / 64;

constexpr uint64_t WordsFor(uint64_t coordinates) { return (coordinates + 63) / 64; }
constexpr uint64_t StripesFor(uint64_t coordinates) {
  return (coordinates + kStripeCoordinates - 1) / kStripeCoordinates;
}

// The largest message that clients and servers send and take: both planes of a block, and 64 KiB around them.
inline constexpr int kMaxMessageBytes = 2 * (kBlockCoordinates / 8) + 64 * 1024;

// The consecutive blocks [first, first + count) of a model with `parameters` coordinates. A shard holds a part of
// them; everyone else holds all. Blocks are numbered from the start of the model.
struct BlockRange {
  uint64_t parameters = 0;
  uint64_t first = 0;
  uint64_t count = 0;

  static constexpr BlockRange All(uint64_t parameters) {
    return {parameters, 0, (parameters + kBlockCoordinates - 1) / kBlockCoordinates};
  }
  // Shard `index` of `count`, each of the same number of blocks but for one. index < count; empty where there are more
  // shards than blocks.
  static constexpr BlockRange Shard(uint64_t parameters, uint64_t index, uint64_t count) {
    const uint64_t blocks = All(parameters).count;
    const uint64_t first = blocks * index / count;
    return {parameters, first, blocks * (index + 1) / count - first};
  }
  constexpr bool Contains(uint64_t block) const { return block >= first && block - first < count; }
  constexpr uint64_t Begin(uint64_t block) const { return block * kBlockCoordinates; }  // coordinate
  constexpr uint64_t Size(uint64_t block) const {                                       // coordinates
    return std::min(parameters, (block + 1) * kBlockCoordinates) - Begin(block);
  }
  // The coordinates of the whole range: [FirstCoordinate(), FirstCoordinate() + Coordinates()).
  constexpr uint64_t FirstCoordinate() const { return first * kBlockCoordinates; }
  constexpr uint64_t Coordinates() const {
    return std::min(parameters, (first + count) * kBlockCoordinates) - FirstCoordinate();
  }
};

}  // namespace signvote
