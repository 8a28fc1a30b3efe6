// What a client computes with its data: the gradient of eq. 2, and an observer's measurement.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <span>

#include "client/data/batch.h"
#include "client/model/module.h"

namespace signvote {

// Writes the gradient of the mean cross-entropy over the batch and returns that mean. The batch goes through in
// micro-batches of about equal size, at most ModuleOptions::micro_batch; up to rounding they do not change the result
// (but for batch normalisation, whose statistics are those of a micro-batch). `seed` is for modules that draw, as
// dropout does. `gradient` has one value a parameter. INVALID_ARGUMENT: the module does not take or give these shapes
// (its own words).
absl::StatusOr<double> MeanGradient(Module& module, const Batch& batch, uint64_t seed, std::span<float> gradient);

struct Score {
  double accuracy = 0;  // 0 to 1
  double loss = 0;      // mean cross-entropy
  uint64_t samples = 0;
};

// Over the whole data set, with the module in evaluation mode. CANCELLED: `cancelled` said so, between two passes.
absl::StatusOr<Score> Evaluate(Module& module, const Dataset& dataset, const std::function<bool()>& cancelled);

}  // namespace signvote
