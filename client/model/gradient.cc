#include "client/model/gradient.h"

#include <cmath>
#include <cstring>
#include <numeric>

#include "client/model/objective.h"

namespace signvote {
namespace {

absl::StatusOr<double> AccumulateGradient(Module::Impl& impl, const Batch& batch, uint64_t seed) {
  impl.module.train();
  torch::manual_seed(seed);
  impl.Refresh();
  impl.flat_gradient.zero_();
  const size_t passes = (batch.size + impl.options.micro_batch - 1) / impl.options.micro_batch;
  double loss = 0;
  for (size_t i = 0; i < passes; ++i) {
    const size_t begin = batch.size * i / passes;
    const size_t count = batch.size * (i + 1) / passes - begin;
    ASSIGN_OR_RETURN(const torch::Tensor mean, MeanLoss(impl, TensorsOf(impl, batch, begin, count)));
    const torch::Tensor part = mean * (static_cast<double>(count) / static_cast<double>(batch.size));
    part.backward();
    loss += part.item<double>();
  }
  return loss;
}

std::vector<std::string> DefaultMetrics(const Module::Impl& impl, const Dataset& dataset) {
  if (impl.loss == "mse") return {"mse", "mae"};
  if (impl.loss == "bce") return {"accuracy"};
  if (impl.loss == "cross_entropy" && dataset.next_token) return {"accuracy", "perplexity"};
  const bool can_classify = dataset.classes > 0 && impl.module.find_method("forward").has_value();
  return impl.loss == "cross_entropy" || can_classify ? std::vector<std::string>{"accuracy"}
                                                      : std::vector<std::string>{};
}

// Adds `count` samples' worth of the loss and metrics.
absl::Status AddScore(Module::Impl& impl, const TensorBatch& batch, double count, Score* score) {
  torch::Tensor outputs;
  if (impl.loss != "module" || !score->metrics.empty()) {
    ASSIGN_OR_RETURN(outputs, Outputs(impl, batch));
  }
  ASSIGN_OR_RETURN(const torch::Tensor loss,
                   impl.loss == "module" ? MeanLoss(impl, batch) : LossOf(impl, outputs, batch));
  score->loss += count * loss.item<double>();
  for (auto& [name, sum] : score->metrics) {
    if (name == "perplexity") continue;
    ASSIGN_OR_RETURN(const double mean, Measure(impl, name, outputs, batch));
    sum += count * mean;
  }
  return absl::OkStatus();
}

void Divide(double samples, Score* score) {
  score->loss /= samples;
  for (auto& [name, value] : score->metrics) {
    value = name == "perplexity" ? std::exp(score->loss) : value / samples;
    if (name == "accuracy") score->accuracy = value;
  }
}

}  // namespace

std::string Score::Text() const {
  std::string text = fmt::format("loss {:.4f}", loss);
  for (const auto& [name, value] : metrics) text += fmt::format(", {} {:.4f}", name, value);
  return text;
}

absl::StatusOr<double> MeanGradient(Module& module, const Batch& batch, uint64_t seed, std::span<float> gradient) {
  constexpr char kDoing[] = "the gradient cannot be computed";
  return CatchTorch(kDoing, [&]() -> absl::StatusOr<double> {
    Module::Impl& impl = module.impl();
    const absl::StatusOr<double> loss = AccumulateGradient(impl, batch, seed);
    if (!loss.ok()) return Annotate(loss.status(), kDoing);
    if (gradient.empty()) return loss;
    const torch::Tensor on_cpu = impl.flat_gradient.to(torch::kCPU);
    std::memcpy(gradient.data(), on_cpu.data_ptr<float>(), gradient.size_bytes());
    return loss;
  });
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
    for (const std::string& name : metrics.empty() ? DefaultMetrics(impl, dataset) : metrics) {
      score.metrics.emplace_back(name, 0.0);
    }
    Batch batch;
    std::vector<uint32_t> samples;
    for (size_t begin = 0; begin < dataset.size(); begin += samples.size()) {
      if (cancelled()) return Error(absl::StatusCode::kCancelled, "the evaluation was given up");
      samples.resize(std::min<size_t>(impl.options.micro_batch, dataset.size() - begin));
      std::iota(samples.begin(), samples.end(), static_cast<uint32_t>(begin));
      MakeBatch(dataset, samples, &batch);
      const absl::Status added =
          AddScore(impl, TensorsOf(impl, batch, 0, batch.size), static_cast<double>(batch.size), &score);
      if (!added.ok()) return Annotate(added, kDoing);
    }
    score.samples = dataset.size();
    Divide(static_cast<double>(score.samples), &score);
    return score;
  });
}

}  // namespace signvote
