#include "client/model/gradient.h"

#include <cmath>
#include <cstring>
#include <numeric>

#include "client/model/objective.h"
#include "client/objectives.h"
#include "common/real_text.h"

namespace signvote {
namespace {

// The samples [begin, begin + count) of a batch.
using Part = std::function<TensorBatch(size_t begin, size_t count)>;

absl::StatusOr<double> AccumulateGradient(Module::Impl& impl, size_t size, const Part& part_of, uint64_t seed) {
  impl.module.train();
  torch::manual_seed(seed);
  impl.Refresh();
  impl.flat_gradient.zero_();
  const size_t passes = size == 0 ? 0 : (size - 1) / impl.gradient_pass + 1;
  double loss = 0, counted = 0;  // counted: in samples
  for (size_t i = 0; i < passes; ++i) {
    const size_t begin = size * i / passes;
    const size_t count = size * (i + 1) / passes - begin;
    const TensorBatch batch = part_of(begin, count);
    ASSIGN_OR_RETURN(const torch::Tensor mean, MeanLoss(impl, batch));
    if (!mean.requires_grad()) {
      return InvalidArgument(
          "the loss does not depend on any parameter: do forward or loss detach their outputs, compute them under "
          "torch.no_grad(), or take argmax or round of them?");
    }
    const double weight = static_cast<double>(count) * batch.counted;
    const torch::Tensor part = mean * (weight / static_cast<double>(size));
    part.backward();
    loss += part.item<double>();
    counted += weight;
  }
  // How many places count in all is known only now.
  const double scale = counted > 0 ? static_cast<double>(size) / counted : 1;
  if (scale != 1) impl.flat_gradient.mul_(scale);
  return loss * scale;
}

absl::StatusOr<double> Gradient(Module::Impl& impl, size_t size, const Part& part, uint64_t seed,
                                std::span<float> gradient) {
  constexpr char kDoing[] = "the gradient cannot be computed";
  return CatchTorch(kDoing, [&]() -> absl::StatusOr<double> {
    const absl::StatusOr<double> loss = AccumulateGradient(impl, size, part, seed);
    if (!loss.ok()) return Annotate(loss.status(), kDoing);
    if (gradient.empty()) return loss;
    const torch::Tensor on_cpu = impl.flat_gradient.to(torch::kCPU);
    std::memcpy(gradient.data(), on_cpu.data_ptr<float>(), gradient.size_bytes());
    return loss;
  });
}

// What is measured beside the loss, each from 0.
absl::StatusOr<std::vector<std::pair<std::string, double>>> MetricsOf(const Module::Impl& impl, const Dataset& dataset,
                                                                      std::vector<std::string> names) {
  if (const Loss* loss = FindEntry(kLosses, impl.loss); names.empty() && loss != nullptr) {
    for (size_t i = 0; i < loss->metrics.size() && !loss->metrics[i].empty(); ++i) names.emplace_back(loss->metrics[i]);
    if (dataset.next_token && impl.loss == "cross_entropy") names.emplace_back("perplexity");
  }
  std::vector<std::pair<std::string, double>> metrics;
  for (const std::string& name : names) {
    const Metric* const metric = FindEntry(kMetrics, name);
    if (metric == nullptr || !metric->Fits(impl.loss)) {
      return InvalidArgument("metric {} is not for loss {}, expected some of: {} (evaluate.metrics)", name, impl.loss,
                             fmt::join(MetricsFor(impl.loss), ", "));
    }
    metrics.emplace_back(name, 0.0);
  }
  return metrics;
}

// Adds `weight` samples' worth of the loss and metrics.
absl::Status AddScore(Module::Impl& impl, const TensorBatch& batch, double weight, Score* score) {
  Outcome outcome;
  if (impl.loss != kOwnLoss || !score->metrics.empty()) {
    ASSIGN_OR_RETURN(outcome.outputs, Outputs(impl, batch));
  }
  ASSIGN_OR_RETURN(outcome.loss, impl.loss == kOwnLoss ? MeanLoss(impl, batch) : LossOf(impl, outcome.outputs, batch));
  score->loss += weight * outcome.loss.item<double>();
  for (auto& [name, sum] : score->metrics) {
    ASSIGN_OR_RETURN(const double mean, Measure(impl, name, outcome, batch));
    sum += weight * mean;
  }
  return absl::OkStatus();
}

void Divide(double samples, Score* score) {
  score->loss /= samples;
  for (auto& [name, value] : score->metrics) {
    value /= samples;
    if (FindEntry(kMetrics, name)->average == Average::kExpOfMean) value = std::exp(value);
    if (name == "accuracy") score->accuracy = value;
  }
}

// `together` is what the samples say as one batch. Where some of them are right, what the first wrong one says.
absl::Status NameTheWrongOne(Module& module, const Dataset& few, const std::vector<std::string>& metrics,
                             const absl::Status& together) {
  std::optional<absl::Status> wrong;
  bool some_are_right = false;
  for (uint32_t i = 0; i < few.size(); ++i) {
    const Dataset one = Subset(few, std::vector<uint32_t>{i});
    const absl::Status status = Evaluate(module, one, metrics, [] { return false; }).status();
    some_are_right = some_are_right || status.ok();
    if (!status.ok() && !wrong.has_value()) wrong = Annotate(status, fmt::format("sample {} (from 0)", few.Place(i)));
  }
  return some_are_right && wrong.has_value() ? *wrong : together;
}

// How many classes the loss tells apart by the module's outputs; nullopt: that is the module's own matter.
std::optional<int64_t> ClassesApart(Module::Impl& impl, const Dataset& few) {
  if (impl.loss == "bce") return 2;
  if (impl.loss != "cross_entropy") return std::nullopt;
  const torch::NoGradGuard no_grad;
  Batch batch;
  MakeBatch(few, std::vector<uint32_t>{0, 1}, &batch);
  const absl::StatusOr<torch::Tensor> outputs = Outputs(impl, TensorsOf(impl, batch, 0, batch.size));
  return outputs.ok() ? std::optional(outputs->size(-1)) : std::nullopt;
}

// Who lacks a class and numbers those found gives the ones behind it other numbers than the others do, and nothing
// would tell.
absl::Status CheckClasses(Module::Impl& impl, const Dataset& dataset, const Dataset& few) {
  if (dataset.class_numbers == ClassNumbers::kFile || dataset.classes == 0) return absl::OkStatus();
  const std::optional<int64_t> apart = ClassesApart(impl, few);
  if (!apart.has_value() || *apart == dataset.classes) return absl::OkStatus();
  if (dataset.class_numbers == ClassNumbers::kFound && *apart > dataset.classes) {
    return InvalidArgument(
        "{} classes were found, and numbered in that order, but the module's outputs tell {} apart (loss {}): whoever "
        "lacks a class would number the others wrongly; give every client the same data.classes (also where outputs "
        "are left over)",
        dataset.classes, *apart, impl.loss);
  }
  if (dataset.class_numbers == ClassNumbers::kNamed && *apart < dataset.classes) {
    return InvalidArgument(
        "data.classes names {} classes, but the module's outputs tell {} apart (loss {}): name as many, or give the "
        "module an output for each",
        dataset.classes, *apart, impl.loss);
  }
  return absl::OkStatus();
}

}  // namespace

std::string Score::Text() const {
  std::string text = "loss " + RealText(loss);
  for (const auto& [name, value] : metrics) text += fmt::format(", {} {}", name, RealText(value));
  return text;
}

absl::StatusOr<double> MeanGradient(Module& module, const BatchSource& batch, uint64_t seed,
                                    std::span<float> gradient) {
  Module::Impl& impl = module.impl();
  const auto part = [&](size_t begin, size_t count) { return TensorsOf(impl, batch.part(begin, count), 0, count); };
  return Gradient(impl, batch.size, part, seed, gradient);
}

absl::StatusOr<double> MeanGradient(Module& module, const Batch& batch, uint64_t seed, std::span<float> gradient) {
  Module::Impl& impl = module.impl();
  const auto part = [&](size_t begin, size_t count) { return TensorsOf(impl, batch, begin, count); };
  return Gradient(impl, batch.size, part, seed, gradient);
}

absl::StatusOr<Score> Evaluate(Module& module, const Dataset& dataset, const std::vector<std::string>& metrics,
                               const std::function<bool()>& cancelled) {
  constexpr char kDoing[] = "the module cannot be evaluated";
  return CatchTorch(kDoing, [&]() -> absl::StatusOr<Score> {
    const torch::NoGradGuard no_grad;
    Module::Impl& impl = module.impl();
    impl.module.eval();
    impl.Refresh();
    Score score;
    ASSIGN_OR_RETURN(score.metrics, MetricsOf(impl, dataset, metrics));
    Batch batch;
    std::vector<uint32_t> samples;
    double counted = 0;  // in samples
    for (size_t begin = 0; begin < dataset.size(); begin += samples.size()) {
      if (cancelled()) return Error(absl::StatusCode::kCancelled, "the evaluation was given up");
      samples.resize(std::min<size_t>(impl.evaluation_pass, dataset.size() - begin));
      std::iota(samples.begin(), samples.end(), static_cast<uint32_t>(begin));
      MakeBatch(dataset, samples, &batch);
      const TensorBatch tensors = TensorsOf(impl, batch, 0, batch.size);
      const double weight = static_cast<double>(batch.size) * tensors.counted;
      if (const absl::Status added = AddScore(impl, tensors, weight, &score); !added.ok()) {
        return Annotate(added, kDoing);
      }
      counted += weight;
    }
    score.samples = dataset.size();
    Divide(counted > 0 ? counted : 1, &score);
    return score;
  });
}

absl::Status CheckFit(Module& module, const Dataset& dataset, const std::vector<std::string>& metrics) {
  const Dataset few = Subset(dataset, TellingSamples(dataset));
  absl::Status status = Evaluate(module, few, metrics, [] { return false; }).status();
  status = status.ok() ? CheckClasses(module.impl(), dataset, few) : NameTheWrongOne(module, few, metrics, status);
  return Annotate(status, fmt::format("{}: the data do not fit the model", dataset.source));
}

}  // namespace signvote
