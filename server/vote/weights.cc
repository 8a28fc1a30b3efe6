#include "server/vote/weights.h"

#include <cmath>

namespace signvote {

std::vector<int32_t> IntegerWeights(std::span<const double> weights, int64_t total) {
  double sum = 0;
  for (const double w : weights) sum += std::abs(w);
  std::vector<int32_t> integers;
  integers.reserve(weights.size());
  for (const double w : weights) {
    const double share = sum > 0 ? w / sum : 1.0 / static_cast<double>(weights.size());
    integers.push_back(static_cast<int32_t>(std::llround(static_cast<double>(total) * share)));
  }
  return integers;
}

}  // namespace signvote
