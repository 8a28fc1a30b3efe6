#include "server/vote/sections.h"

#include <algorithm>

namespace signvote {
namespace {

// Which of the sections joins a neighbour next. The last one has the output layer, where a lie costs most: it stays as
// it is while it is large enough.
size_t NextToJoin(const std::vector<uint64_t>& sizes) {
  const bool spares_last = sizes.back() >= kLeastSection && sizes.size() > 2;
  return static_cast<size_t>(std::min_element(sizes.begin(), sizes.end() - (spares_last ? 1 : 0)) - sizes.begin());
}

// The smaller of the neighbours of section `i`, but not the last one where that is to stay as it is.
size_t NeighbourOf(const std::vector<uint64_t>& sizes, size_t i) {
  if (i == 0) return 1;
  if (i + 1 == sizes.size()) return i - 1;
  const bool spares_next = i + 2 == sizes.size() && sizes.back() >= kLeastSection;
  return spares_next || sizes[i - 1] <= sizes[i + 1] ? i - 1 : i + 1;
}

}  // namespace

std::vector<uint32_t> CutIntoSections(std::span<const uint64_t> tensor_ends, uint64_t coordinates) {
  std::vector<uint64_t> sizes;
  uint64_t at = 0;
  for (const uint64_t end : tensor_ends) {
    if (end > at && end < coordinates) sizes.push_back(end - at);
    at = std::max(at, end);
  }
  sizes.push_back(coordinates - std::min(at, coordinates));
  while (sizes.size() > 1) {
    const size_t least = NextToJoin(sizes);
    if (sizes[least] >= kLeastSection && sizes.size() <= kMostSections) break;
    const size_t into = NeighbourOf(sizes, least);
    sizes[into] += sizes[least];
    sizes.erase(sizes.begin() + static_cast<std::ptrdiff_t>(least));
  }
  std::vector<uint32_t> cuts{0};
  at = 0;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    at += sizes[i];
    const uint64_t cut = sizes[i] < sizes[i + 1] ? StripesFor(at) : at / kStripeCoordinates;
    if (cut > cuts.back() && cut < StripesFor(coordinates)) cuts.push_back(static_cast<uint32_t>(cut));
  }
  return cuts;
}

std::vector<uint32_t> SectionsOf(std::span<const TensorShape> tensors, const BlockRange& range, uint64_t block) {
  const uint64_t begin = range.Begin(block), end = begin + range.Size(block);
  std::vector<uint64_t> ends;
  uint64_t at = range.FirstCoordinate();
  for (const TensorShape& tensor : tensors) {
    at += tensor.Coordinates();
    if (at > begin && at < end) ends.push_back(at - begin);
  }
  return CutIntoSections(ends, range.Size(block));
}

}  // namespace signvote
