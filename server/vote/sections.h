// The sections of a block: stretches of whole stripes, of a tensor or of several small ones, on each of which voters
// are judged by themselves. A block with one judgement would let a voter lie where few coordinates decide much, such as
// in the last layer, on the credit of what it says of all the others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "common/blocks.h"
#include "common/safetensors.h"

namespace signvote {

inline constexpr size_t kMostSections = 8;      // a block
inline constexpr uint64_t kLeastSection = 512;  // coordinates: fewer tell too little of how alike voters vote

// Where the sections of a block of so many coordinates begin, in stripes, ascending, first 0. `tensor_ends`: the
// coordinates of the block, ascending, at which a tensor ends. The smallest tensor joins the smaller of its neighbours
// until none is too small and they are few enough; the last one, the output layer, only where it is too small itself. A
// cut within a stripe leaves the stripe to the smaller side.
std::vector<uint32_t> CutIntoSections(std::span<const uint64_t> tensor_ends, uint64_t coordinates);

// Those of a block of `range`, whose `tensors` (of the range alone) follow one another. None: one section.
std::vector<uint32_t> SectionsOf(std::span<const TensorShape> tensors, const BlockRange& range, uint64_t block);

// The coordinates [begin, end) of a section of a block of so many.
struct SectionBounds {
  uint64_t begin = 0, end = 0;
};
inline SectionBounds BoundsOf(std::span<const uint32_t> sections, uint64_t coordinates, size_t section) {
  const bool is_last = section + 1 == sections.size();
  return {sections[section] * kStripeCoordinates, is_last ? coordinates : sections[section + 1] * kStripeCoordinates};
}

// In which section coordinate `n` of the block is.
inline size_t SectionAt(std::span<const uint32_t> sections, uint64_t n) {
  return static_cast<size_t>(std::ranges::upper_bound(sections, n / kStripeCoordinates) - sections.begin()) - 1;
}

}  // namespace signvote
