#include "server/vote/sections.h"

namespace signvote {

std::vector<uint32_t> CutIntoSections(std::span<const uint64_t> tensor_ends, uint64_t coordinates) {
  const auto stripes = static_cast<uint32_t>(StripesFor(coordinates));
  std::vector<uint32_t> cuts{0};  // and the end
  for (const uint64_t end : tensor_ends) {
    const auto cut = static_cast<uint32_t>((end + kStripeCoordinates / 2) / kStripeCoordinates);
    if (cut > cuts.back() && cut < stripes) cuts.push_back(cut);
  }
  cuts.push_back(stripes);
  const auto size = [&cuts](size_t section) { return cuts[section + 1] - cuts[section]; };
  while (cuts.size() > 2) {
    const size_t sections = cuts.size() - 1;
    size_t least = 0;
    for (size_t i = 1; i < sections; ++i) {
      if (size(i) < size(least)) least = i;
    }
    if (size(least) >= kLeastSection && sections <= kMostSections) break;
    const bool joins_next = least == 0 || (least + 1 < sections && size(least + 1) < size(least - 1));
    cuts.erase(cuts.begin() + static_cast<std::ptrdiff_t>(joins_next ? least + 1 : least));
  }
  cuts.pop_back();
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
