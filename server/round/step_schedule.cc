#include "server/round/step_schedule.h"

#include <cmath>
#include <numbers>

#include "common/status.h"

namespace signvote {

absl::Status CheckStep(const StepOptions& options) {
  if (!std::isfinite(options.size) || options.size <= 0) {
    return InvalidArgument("step size {}: expected a finite number above 0", options.size);
  }
  if (options.size * options.weight_decay >= 1) {
    return InvalidArgument(
        "step size {:g} with weight decay {:g} takes more than the whole parameter: expected a product below 1",
        options.size, options.weight_decay);
  }
  return absl::OkStatus();
}

Step StepFor(const StepOptions& options, uint64_t round, uint64_t rounds_total) {
  const double t = static_cast<double>(round - 1);
  double size = options.size;
  if (options.schedule == "inverse-sqrt") size /= std::sqrt(1 + t);
  if (options.schedule == "cosine")
    size *= (1 + std::cos(std::numbers::pi * t / static_cast<double>(rounds_total))) / 2;
  return {static_cast<float>(size), static_cast<float>(1 - size * options.weight_decay)};
}

}  // namespace signvote
