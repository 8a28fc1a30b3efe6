#include "client/model/objective.h"

#include <algorithm>

#include "client/objectives.h"

namespace signvote {
namespace {

std::string Text(const torch::Tensor& tensor) {
  return fmt::format("({}) {}", fmt::join(tensor.sizes(), ", "), c10::toString(tensor.scalar_type()));
}

// With the range of whole numbers, which look things up.
std::string InputText(const torch::Tensor& inputs) {
  if (!c10::isIntegralType(inputs.scalar_type(), false) || inputs.numel() == 0) return Text(inputs);
  return fmt::format("{} with values {} to {}", Text(inputs), inputs.min().item<int64_t>(),
                     inputs.max().item<int64_t>());
}

// What to do about LibTorch's words, where they are known; begins with "; ".
std::string Advice(const torch::Tensor& inputs, const std::string& cause) {
  const auto says = [&](const char* words) { return cause.find(words) != std::string::npos; };
  if (says("more than 1 value per channel")) {
    return "; batch normalisation needs two samples in every pass: raise batch or micro_batch";
  }
  if (!c10::isIntegralType(inputs.scalar_type(), false)) return "";
  if (says("index out of range")) {
    return "; a token or category is expected to be 0 or more, and less than the module's embedding has rows";
  }
  return says("type") ? "; whole numbers arrive as int64, for tokens and categories: save measurements as float32" : "";
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

// (n, classes, height, width), as a convolution gives them.
bool HasClassesSecond(const torch::Tensor& outputs, const torch::Tensor& targets) {
  return outputs.dim() > 2 && outputs.dim() == targets.dim() + 1 &&
         outputs.movedim(1, -1).sizes().slice(0, targets.dim()) == targets.sizes();
}

// `for_numbers` says what to do where the targets are meant as numbers.
absl::StatusOr<Pairs> Classes(const std::string& what, const torch::Tensor& outputs, const TensorBatch& batch,
                              const std::string& for_numbers) {
  const torch::Tensor& targets = batch.targets;
  if (!c10::isIntegralType(targets.scalar_type(), false)) {
    return InvalidArgument(
        "{} needs classes as targets (whole numbers from 0), these are real numbers; {}{}", what, for_numbers,
        targets.dim() > 1 ? "; of a row of zeros and ones, take the number of the one, or where there "
                            "may be several, loss: bce"
                          : "");
  }
  if (outputs.dim() != targets.dim() + 1 ||
      !std::equal(targets.sizes().begin(), targets.sizes().end(), outputs.sizes().begin())) {
    return Mismatch(what, outputs, batch,
                    std::string("outputs of the targets' shape, and the classes as one more dimension, the last") +
                        (HasClassesSecond(outputs, targets) ? ": here outputs.movedim(1, -1)" : ""));
  }
  const int64_t classes = outputs.size(-1);
  if (batch.least_target < 0 || batch.most_target >= static_cast<double>(classes)) {
    return InvalidArgument("{}: the module answers with {} classes, but a target is {}, expected 0 to {}{}", what,
                           classes, batch.least_target < 0 ? batch.least_target : batch.most_target, classes - 1,
                           targets.dim() == 1 ? "; " + for_numbers : "");
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

namespace losses {

absl::StatusOr<torch::Tensor> cross_entropy(const torch::Tensor& outputs, const TensorBatch& batch) {
  ASSIGN_OR_RETURN(const Pairs pairs,
                   Classes("loss cross_entropy", outputs, batch, "to predict numbers, set loss: mse"));
  // The mean over no place is not a number, the sum is 0.
  const auto reduction = batch.counted > 0 ? at::Reduction::Mean : at::Reduction::Sum;
  return at::cross_entropy_loss(pairs.outputs, pairs.targets, {}, reduction, kIgnoredTarget);
}

absl::StatusOr<torch::Tensor> mse(const torch::Tensor& outputs, const TensorBatch& batch) {
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers("loss mse", outputs, batch));
  return at::mse_loss(pairs.outputs, pairs.targets);
}

absl::StatusOr<torch::Tensor> bce(const torch::Tensor& outputs, const TensorBatch& batch) {
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers("loss bce", outputs, batch));
  if (batch.least_target < 0 || batch.most_target > 1) {
    return InvalidArgument("loss bce: a target is {}, expected 0 to 1",
                           batch.least_target < 0 ? batch.least_target : batch.most_target);
  }
  return at::binary_cross_entropy_with_logits(pairs.outputs, pairs.targets);
}

}  // namespace losses

namespace metrics {

absl::StatusOr<double> accuracy(const Module::Impl& impl, const Outcome& outcome, const TensorBatch& batch) {
  const bool by_sign = impl.loss == "bce" || (impl.loss == kOwnLoss && outcome.outputs.dim() <= batch.targets.dim());
  if (!by_sign) {
    ASSIGN_OR_RETURN(const Pairs pairs, Classes("accuracy", outcome.outputs, batch, "of numbers, ask for mse or mae"));
    const double share = (pairs.outputs.argmax(1) == pairs.targets).to(torch::kFloat64).mean().item<double>();
    return batch.counted > 0 ? share / batch.counted : 0;
  }
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers("accuracy", outcome.outputs, batch));
  return ((pairs.outputs > 0) == (pairs.targets > 0.5)).to(torch::kFloat64).mean().item<double>();
}

absl::StatusOr<double> mse(const Module::Impl&, const Outcome& outcome, const TensorBatch& batch) {
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers("mse", outcome.outputs, batch));
  return (pairs.outputs - pairs.targets).to(torch::kFloat64).square().mean().item<double>();
}

absl::StatusOr<double> mae(const Module::Impl&, const Outcome& outcome, const TensorBatch& batch) {
  ASSIGN_OR_RETURN(const Pairs pairs, Numbers("mae", outcome.outputs, batch));
  return (pairs.outputs - pairs.targets).to(torch::kFloat64).abs().mean().item<double>();
}

absl::StatusOr<double> perplexity(const Module::Impl&, const Outcome& outcome, const TensorBatch&) {
  return outcome.loss.item<double>();
}

}  // namespace metrics

}  // namespace

TensorBatch TensorsOf(const Module::Impl& impl, const Batch& batch, size_t begin, size_t count) {
  const torch::Tensor inputs = TensorOf(batch.inputs, begin, count);
  const torch::Tensor targets = TensorOf(batch.targets, begin, count);
  TensorBatch tensors{inputs.to(impl.device), targets.to(impl.device), targets.min().item<double>(),
                      targets.max().item<double>()};
  if (impl.loss != "cross_entropy" || tensors.least_target > kIgnoredTarget) return tensors;
  const torch::Tensor rest = targets.masked_select(targets != kIgnoredTarget);
  tensors.counted = static_cast<double>(rest.numel()) / static_cast<double>(targets.numel());
  tensors.least_target = rest.numel() > 0 ? rest.min().item<double>() : 0;
  tensors.most_target = rest.numel() > 0 ? rest.max().item<double>() : 0;
  return tensors;
}

absl::StatusOr<torch::Tensor> Outputs(Module::Impl& impl, const TensorBatch& batch) {
  try {
    const c10::IValue outputs = impl.module.forward({batch.inputs});
    if (outputs.isTensor()) return outputs.toTensor();
    return NoOneTensor(outputs.tagKind());
  } catch (const std::exception& error) {
    const std::string cause = CauseOf(error);
    return InvalidArgument("the module does not take inputs {}: {}{}", InputText(batch.inputs), cause,
                           Advice(batch.inputs, cause));
  }
}

absl::StatusOr<torch::Tensor> LossOf(const Module::Impl& impl, const torch::Tensor& outputs, const TensorBatch& batch) {
#define SIGNVOTE_CALL_LOSS(name, ...) \
  if (impl.loss == #name) return losses::name(outputs, batch);
  SIGNVOTE_LOSSES(SIGNVOTE_CALL_LOSS)
#undef SIGNVOTE_CALL_LOSS
  return InvalidArgument("there is no loss {}", impl.loss);
}

absl::StatusOr<torch::Tensor> MeanLoss(Module::Impl& impl, const TensorBatch& batch) {
  if (impl.loss != kOwnLoss) {
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
    const std::string cause = CauseOf(error);
    return InvalidArgument("the module's loss(batch) fails on inputs {} and targets {}: {}{}", InputText(batch.inputs),
                           Text(batch.targets), cause, Advice(batch.inputs, cause));
  }
}

absl::StatusOr<double> Measure(const Module::Impl& impl, std::string_view metric, const Outcome& outcome,
                               const TensorBatch& batch) {
#define SIGNVOTE_CALL_METRIC(name, ...) \
  if (metric == #name) return metrics::name(impl, outcome, batch);
  SIGNVOTE_METRICS(SIGNVOTE_CALL_METRIC)
#undef SIGNVOTE_CALL_METRIC
  return InvalidArgument("there is no metric {}", metric);
}

}  // namespace signvote
