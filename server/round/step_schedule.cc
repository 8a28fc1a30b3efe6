#include "server/round/step_schedule.h"

#include <cmath>
#include <numbers>

namespace signvote {

Step StepFor(const StepOptions& options, uint64_t round, uint64_t rounds_total) {
  const double t = static_cast<double>(round - 1);
  double size = options.size;
  if (options.schedule == "inverse-sqrt") size /= std::sqrt(1 + t);
  if (options.schedule == "cosine")
    size *= (1 + std::cos(std::numbers::pi * t / static_cast<double>(rounds_total))) / 2;
  return {static_cast<float>(size), static_cast<float>(1 - size * options.weight_decay)};
}

}  // namespace signvote
