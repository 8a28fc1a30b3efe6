// What a client computes with its data: the gradient of eq. 2, and an observer's measurement.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "client/data/batch.h"
#include "client/model/module.h"

namespace signvote {

// A batch that is made piece by piece, so that memory is that of a micro-batch however many samples there are.
struct BatchSource {
  size_t size = 0;  // samples
  // Samples [begin, begin + count); what it returns is used until the next call.
  std::function<const Batch&(size_t begin, size_t count)> part;
};

// Writes the gradient of the mean loss (ModuleOptions::loss) over the batch, but for places that do not count
// (kIgnoredTarget in objective.h), and returns that mean; 0 where none counts. The batch goes through in micro-batches
// of about equal size, at most ModuleOptions::micro_batch; up to rounding they do not change the result (but for batch
// normalisation, whose statistics are those of a micro-batch, and for a module's own loss that compares samples).
// `seed` is for modules that draw, as dropout does. `gradient` has one value a parameter, or none: then it stays in the
// module, for PackOnDevice. INVALID_ARGUMENT: the module does not take or give these shapes, or the targets are none
// for this loss (names both).
absl::StatusOr<double> MeanGradient(Module& module, const BatchSource& batch, uint64_t seed, std::span<float> gradient);
absl::StatusOr<double> MeanGradient(Module& module, const Batch& batch, uint64_t seed, std::span<float> gradient);

struct Score {
  double loss = 0;                                      // mean
  std::optional<double> accuracy;                       // 0 to 1; where it is among the metrics
  std::vector<std::pair<std::string, double>> metrics;  // those asked for, in their order
  uint64_t samples = 0;

  std::string Text() const;  // "loss 0.1234, accuracy 0.9876"
};

// Over the whole data set, with the module in evaluation mode, in passes of ModuleOptions::micro_batch whose means are
// averaged by their places that count. `metrics` are of kMetrics; empty: those of the loss (of next tokens also
// perplexity), and none of a module's own loss. CANCELLED: `cancelled` said so, between two passes. INVALID_ARGUMENT:
// as MeanGradient, or a metric that these targets or this loss do not have.
absl::StatusOr<Score> Evaluate(Module& module, const Dataset& dataset, const std::vector<std::string>& metrics,
                               const std::function<bool()>& cancelled);

// Whether data and module fit together, told by TellingSamples. INVALID_ARGUMENT: as Evaluate; or the classes are
// fewer than the module's where they are numbered as found, or more where they are named. Names the data's source
// and, unless all that were tried are wrong, the sample.
absl::Status CheckFit(Module& module, const Dataset& dataset, const std::vector<std::string>& metrics);

}  // namespace signvote
