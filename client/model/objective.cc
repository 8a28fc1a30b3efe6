#include "client/model/objective.h"

#include <algorithm>

namespace signvote {
namespace {

std::string Text(const torch::Tensor& tensor) {
  return fmt::format("({}) {}", fmt::join(tensor.sizes(), ", "), c10::toString(tensor.scalar_type()));
}

template <typename T>
torch::Tensor TensorOf(const BatchColumn& column, size_t begin, size_t count) {
  const auto& values = std::get<std::vector<T>>(column.values);
  std::vector<int64_t> sizes = {static_cast<int64_t>(count)};
  size_t width = 1;
  for (const uint64_t size : column.shape) {
    sizes.push_back(static_cast<int64_t>(size));
    width *= size;
  }
  return torch::from_blob(const_cast<T*>(values.data()) + begin * width, sizes, c10::CppTypeToScalarType<T>::value);
}

torch::Tensor TensorOf(const BatchColumn& column, size_t begin, size_t count) {
  return std::holds_alternative<std::vector<float>>(column.values) ? TensorOf<float>(column, begin, count)
                                                                   : TensorOf<int64_t>(column, begin, count);
}

absl::Status Mismatch(const std::string& what, const torch::Tensor& outputs, const TensorBatch& batch,
                      const std::string& expected) {
  return InvalidArgument("{}: inputs {} give outputs {}, and the targets are {}; expected {}", what, Text(batch.inputs),
                         Text(outputs), Text(batch.targets), expected);
}

// Outputs and targets place by place.
struct Pairs {
  torch::Tensor outputs;  // numbers: as targets; classes: (places, classes)
  torch::Tensor targets;
};

absl::StatusOr<Pairs> Classes(const std::string& what, const torch::Tensor& outputs, const TensorBatch& batch) {
  const torch::Tensor& targets = batch.targets;
  if (!c10::isIntegralType(targets.scalar_type(), false)) {
    return InvalidArgument("{} needs classes as targets (whole numbers from 0), these are real numbers", what);
  }
  if (outputs.dim() != targets.dim() + 1 ||
      !std::equal(targets.sizes().begin(), targets.sizes().end(), outputs.sizes().begin())) {
    return Mismatch(what, outputs, batch, "outputs of the targets' shape, and the classes as one more dimension");
  }
  const int64_t classes = outputs.size(-1);
  if (batch.least_target < 0 || batch.most_target >= static_cast<double>(classes)) {
    return InvalidArgument("{}: the module answers with {} classes, but a target is {}, expected 0 to {}", what,
                           classes, batch.least_target < 0 ? batch.least_target : batch.most_target, classes - 1);
  }
  return Pairs{outputs.reshape({-1, classes}), targets.reshape({-1})};
}

// A last dimension of 1 may be there in one and missing in the other.
absl::StatusOr<Pairs> Numbers(const std::string& what, const torch::Tensor& outputs, const TensorBatch& batch) {
  Pairs pairs{outputs, batch.targets.to(outputs.scalar_type())};
  const auto narrow = [](torch::Tensor* tensor, const torch::Tensor& other) {
    if (tensor->dim() == other.dim() + 1 && tensor->size(-1) == 1) *tensor = tensor->squeeze(-1);
  };
  narrow(&pairs.outputs, pairs.targets);
  narrow(&pairs.targets, pairs.outputs);
  if (pairs.outputs.sizes() != pairs.targets.sizes()) {
    return Mismatch(what, outputs, batch, "outputs of the targets' shape");
  }
  return pairs;
}

absl::StatusOr<double> Accuracy(const Module::Impl& impl, const torch::Tensor& outputs, const TensorBatch& batch) {
  const bool by_sign = impl.loss == "bce" || (impl.loss == "module" && outputs.dim() <= batch.targets.dim());
  if (impl.loss == "mse") return InvalidArgument("accuracy is not for loss mse: take the metrics mse and mae");
  if (!by_sign) {
    ASSIGN_OR_RETURN(const Pairs pairs, Classes("accuracy", outputs, batch));
    return (pairs.outputs.argmax(1) == pairs.targets).to(torch::kFloat64).mean().item<double>();
  }
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers("accuracy", outputs, batch));
  return ((pairs.outputs > 0) == (pairs.targets > 0.5)).to(torch::kFloat64).mean().item<double>();
}

}  // namespace

TensorBatch TensorsOf(const Module::Impl& impl, const Batch& batch, size_t begin, size_t count) {
  const torch::Tensor inputs = TensorOf(batch.inputs, begin, count);
  const torch::Tensor targets = TensorOf(batch.targets, begin, count);
  return {inputs.to(impl.device), targets.to(impl.device), targets.min().item<double>(), targets.max().item<double>()};
}

absl::StatusOr<torch::Tensor> Outputs(Module::Impl& impl, const TensorBatch& batch) {
  try {
    return impl.module.forward({batch.inputs}).toTensor();
  } catch (const std::exception& error) {
    std::string range;
    if (c10::isIntegralType(batch.inputs.scalar_type(), false) && batch.inputs.numel() > 0) {
      range = fmt::format(", values {} to {},", batch.inputs.min().item<int64_t>(), batch.inputs.max().item<int64_t>());
    }
    return InvalidArgument("the module does not take inputs {}{}: {}", Text(batch.inputs), range, CauseOf(error));
  }
}

absl::StatusOr<torch::Tensor> LossOf(const Module::Impl& impl, const torch::Tensor& outputs, const TensorBatch& batch) {
  const std::string what = "loss " + impl.loss;
  if (impl.loss == "cross_entropy") {
    ASSIGN_OR_RETURN(const Pairs pairs, Classes(what, outputs, batch));
    return at::cross_entropy_loss(pairs.outputs, pairs.targets);
  }
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers(what, outputs, batch));
  if (impl.loss == "mse") return at::mse_loss(pairs.outputs, pairs.targets);
  if (batch.least_target < 0 || batch.most_target > 1) {
    return InvalidArgument("{}: a target is {}, expected 0 to 1", what,
                           batch.least_target < 0 ? batch.least_target : batch.most_target);
  }
  return at::binary_cross_entropy_with_logits(pairs.outputs, pairs.targets);
}

absl::StatusOr<torch::Tensor> MeanLoss(Module::Impl& impl, const TensorBatch& batch) {
  if (impl.loss != "module") {
    ASSIGN_OR_RETURN(const torch::Tensor outputs, Outputs(impl, batch));
    return LossOf(impl, outputs, batch);
  }
  try {
    const auto both = c10::ivalue::Tuple::create(batch.inputs, batch.targets);
    const torch::Tensor loss = impl.module.get_method("loss")({both}).toTensor();
    if (loss.numel() == 1) return loss.reshape({});
    return InvalidArgument("the module's loss(batch) gives {}, expected one number: the mean over the batch",
                           Text(loss));
  } catch (const std::exception& error) {
    return InvalidArgument("the module's loss(batch) fails on inputs {} and targets {}: {}", Text(batch.inputs),
                           Text(batch.targets), CauseOf(error));
  }
}

absl::StatusOr<double> Measure(const Module::Impl& impl, const std::string& metric, const torch::Tensor& outputs,
                               const TensorBatch& batch) {
  if (metric == "accuracy") return Accuracy(impl, outputs, batch);
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers(metric, outputs, batch));
  const torch::Tensor difference = (pairs.outputs - pairs.targets).to(torch::kFloat64);
  return (metric == "mse" ? difference.square() : difference.abs()).mean().item<double>();
}

}  // namespace signvote
