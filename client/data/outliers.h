// Values that no measurement gave, such as -9999 for one that is missing: one of them in a minibatch outweighs all the
// rest, or makes its gradient infinite.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "client/data/dataset.h"

namespace signvote {

struct Outlier {
  size_t sample = 0;
  uint64_t feature = 0;  // entry of the first dimension
  float value = 0;
  float low = 0;  // the middle nine tenths of this feature
  float high = 0;
  size_t count = 0;  // values as far away, of all features
};

// Of real numbers, the one that is farthest outside the rest of its feature: by more than 100 times the span of the
// middle nine tenths, their size, or `deviation` (of the feature, or one for all; empty: 1), whichever is the largest.
// Nullopt: there is none.
std::optional<Outlier> FarthestOutlier(const Column& inputs, std::span<const float> deviation);

// Logs a warning where there is one.
void WarnOfOutliers(const Dataset& dataset);

}  // namespace signvote
