#include "client/model/gradient.h"

#include <cstring>
#include <numeric>

#include "client/model/module_impl.h"

namespace signvote {
namespace {

torch::Tensor Images(const Batch& batch, size_t begin, size_t count, torch::Device device) {
  const std::vector<int64_t> shape = {static_cast<int64_t>(count), batch.shape.channels, batch.shape.height,
                                      batch.shape.width};
  auto* data = const_cast<float*>(batch.images.data()) + begin * batch.shape.Pixels();
  return torch::from_blob(data, shape, torch::kFloat32).to(device);
}

torch::Tensor Labels(const Batch& batch, size_t begin, size_t count, torch::Device device) {
  auto* data = const_cast<int64_t*>(batch.labels.data()) + begin;
  return torch::from_blob(data, {static_cast<int64_t>(count)}, torch::kInt64).to(device);
}

absl::StatusOr<torch::Tensor> Logits(Module::Impl& impl, const torch::Tensor& images) {
  const torch::Tensor logits = impl.module.forward({images}).toTensor();
  if (logits.dim() != 2 || logits.size(0) != images.size(0)) {
    return InvalidArgument("the module answers {} images with shape ({}), expected ({}, classes)", images.size(0),
                           fmt::join(logits.sizes(), ", "), images.size(0));
  }
  return logits;
}

absl::StatusOr<double> AccumulateGradient(Module::Impl& impl, const Batch& batch, uint64_t seed) {
  impl.module.train();
  torch::manual_seed(seed);
  impl.Refresh();
  impl.flat_gradient.zero_();
  const size_t passes = (batch.size() + impl.options.micro_batch - 1) / impl.options.micro_batch;
  double loss = 0;
  for (size_t i = 0; i < passes; ++i) {
    const size_t begin = batch.size() * i / passes;
    const size_t count = batch.size() * (i + 1) / passes - begin;
    ASSIGN_OR_RETURN(const torch::Tensor logits, Logits(impl, Images(batch, begin, count, impl.device)));
    const double share = static_cast<double>(count) / static_cast<double>(batch.size());
    const torch::Tensor part = at::cross_entropy_loss(logits, Labels(batch, begin, count, impl.device)) * share;
    part.backward();
    loss += part.item<double>();
  }
  return loss;
}

}  // namespace

absl::StatusOr<double> MeanGradient(Module& module, const Batch& batch, uint64_t seed, std::span<float> gradient) {
  return CatchTorch("the gradient cannot be computed", [&]() -> absl::StatusOr<double> {
    Module::Impl& impl = module.impl();
    ASSIGN_OR_RETURN(const double loss, AccumulateGradient(impl, batch, seed));
    const torch::Tensor on_cpu = impl.flat_gradient.to(torch::kCPU);
    std::memcpy(gradient.data(), on_cpu.data_ptr<float>(), gradient.size_bytes());
    return loss;
  });
}

absl::StatusOr<Score> Evaluate(Module& module, const Dataset& dataset, const std::function<bool()>& cancelled) {
  return CatchTorch("the module cannot be evaluated", [&]() -> absl::StatusOr<Score> {
    const torch::NoGradGuard no_grad;
    Module::Impl& impl = module.impl();
    impl.module.eval();
    impl.Refresh();
    Score score;
    Batch batch;
    std::vector<uint32_t> samples;
    for (size_t begin = 0; begin < dataset.size(); begin += samples.size()) {
      if (cancelled()) return Error(absl::StatusCode::kCancelled, "the evaluation was given up");
      samples.resize(std::min<size_t>(impl.options.micro_batch, dataset.size() - begin));
      std::iota(samples.begin(), samples.end(), static_cast<uint32_t>(begin));
      MakeBatch(dataset, samples, &batch);
      const torch::Tensor labels = Labels(batch, 0, batch.size(), impl.device);
      ASSIGN_OR_RETURN(const torch::Tensor logits, Logits(impl, Images(batch, 0, batch.size(), impl.device)));
      score.accuracy += (logits.argmax(1) == labels).sum().item<double>();
      score.loss += at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum).item<double>();
    }
    score.samples = dataset.size();
    score.accuracy /= static_cast<double>(score.samples);
    score.loss /= static_cast<double>(score.samples);
    return score;
  });
}

}  // namespace signvote
