// The step size of each round, delta_t of eq. 5, with decoupled weight decay.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <string>

#include "common/step.h"

namespace signvote {

struct StepOptions {
  double size = 6e-4;
  std::string schedule = "cosine";  // constant | inverse-sqrt | cosine
  double weight_decay = 0;          // per unit of step size, as in AdamW
};

// INVALID_ARGUMENT: no finite number above 0, or one whose decay would take more than the whole parameter.
absl::Status CheckStep(const StepOptions& options);

// Rounds count from 1. With t = round - 1: constant: size; inverse-sqrt: size / sqrt(1 + t); cosine:
// size * (1 + cos(pi * t / total)) / 2. `size` is rounded to float32 once, here, and so is the decay.
Step StepFor(const StepOptions& options, uint64_t round, uint64_t rounds_total);

}  // namespace signvote
