// Between a module and its data: batches as tensors, losses, metrics. Only for this directory.
#pragma once

#include <torch/script.h>

#include <string>
#include <string_view>

#include "client/data/batch.h"
#include "client/model/module_impl.h"

namespace signvote {

// Under loss cross_entropy a place with this target does not count: PyTorch's ignore_index.
inline constexpr int64_t kIgnoredTarget = -100;

struct TensorBatch {
  torch::Tensor inputs;
  torch::Tensor targets;
  double least_target = 0;  // of all in `targets` that count; known without asking the device
  double most_target = 0;
  double counted = 1;  // the share of places that count: what a mean over this batch weighs, beside its samples
};

// Samples [begin, begin + count) on the module's device. The batch outlives what is returned.
TensorBatch TensorsOf(const Module::Impl& impl, const Batch& batch, size_t begin, size_t count);

// forward(inputs). INVALID_ARGUMENT: the module's own words, and the shape that it was given.
absl::StatusOr<torch::Tensor> Outputs(Module::Impl& impl, const TensorBatch& batch);

// The mean loss of these outputs over the places that count, 0 where none does; not for loss `module`.
// INVALID_ARGUMENT: shapes that do not fit, or targets that this loss does not take.
absl::StatusOr<torch::Tensor> LossOf(const Module::Impl& impl, const torch::Tensor& outputs, const TensorBatch& batch);

// The mean loss, by whatever way the module has it.
absl::StatusOr<torch::Tensor> MeanLoss(Module::Impl& impl, const TensorBatch& batch);

struct Outcome {
  torch::Tensor outputs;
  torch::Tensor loss;
};

// The mean of a metric of kMetrics over these samples' places that count, 0 where none does, to be averaged as it says.
// INVALID_ARGUMENT: as LossOf.
absl::StatusOr<double> Measure(const Module::Impl& impl, std::string_view metric, const Outcome& outcome,
                               const TensorBatch& batch);

}  // namespace signvote
