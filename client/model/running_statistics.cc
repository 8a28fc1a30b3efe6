#include "client/model/running_statistics.h"

#include <numeric>

#include "client/model/objective.h"

namespace signvote {
namespace {

// A layer's update is s <- (1 - m) s + m s', s' the batch's statistic, m its momentum, which TorchScript may hide in a
// constant. From s = 0 a pass gives m s', and from s = t on the same batch (1 - m) t + m s': their difference tells m.
// For t of the size of m s' no digits cancel.
class Statistics {
 public:
  explicit Statistics(const torch::jit::Module& module) {
    for (const auto& buffer : module.named_buffers()) {
      if (IsRunningStatistic(buffer.name)) {
        running_.push_back(buffer.value);
        before_.push_back(buffer.value.clone());
        sums_.push_back(torch::zeros_like(buffer.value));
      } else if (buffer.name.ends_with("num_batches_tracked")) {
        counters_.push_back(buffer.value);
      }
    }
  }
  bool empty() const { return running_.empty(); }

  void Start(const std::vector<torch::Tensor>& values) {
    for (size_t i = 0; i < running_.size(); ++i) running_[i].copy_(values[i]);
    for (torch::Tensor& counter : counters_) counter.zero_();  // without momentum a layer divides by it
  }
  std::vector<torch::Tensor> Zeros() const {
    std::vector<torch::Tensor> zeros;
    for (const torch::Tensor& statistic : running_) zeros.push_back(torch::zeros_like(statistic));
    return zeros;
  }
  std::vector<torch::Tensor> Copies() const {
    std::vector<torch::Tensor> copies;
    for (const torch::Tensor& statistic : running_) copies.push_back(statistic.clone());
    return copies;
  }
  void Add(double samples) {
    for (size_t i = 0; i < running_.size(); ++i) sums_[i] += running_[i] * samples;
  }
  // `from_zero` and `from_start`: of one batch, after Start(Zeros()) and Start(start); no start is 0.
  void Finish(const std::vector<torch::Tensor>& from_zero, const std::vector<torch::Tensor>& start,
              const std::vector<torch::Tensor>& from_start, double samples) {
    for (size_t i = 0; i < running_.size(); ++i) {
      const torch::Tensor momentum = 1 - ((from_start[i] - from_zero[i]) / start[i]).mean();
      // A layer that does not follow its batches keeps what it had.
      running_[i].copy_(momentum.item<double>() > 1e-6 ? sums_[i] / (momentum * samples) : before_[i]);
    }
  }

 private:
  std::vector<torch::Tensor> running_;
  std::vector<torch::Tensor> before_;
  std::vector<torch::Tensor> counters_;
  std::vector<torch::Tensor> sums_;
};

absl::Status Pass(Module& module, const Batch& batch) {
  Module::Impl& impl = module.impl();
  torch::manual_seed(0);
  const TensorBatch tensors = TensorsOf(impl, batch, 0, batch.size);
  if (module.HasForward()) return Outputs(impl, tensors).status();
  return MeanLoss(impl, tensors).status();
}

}  // namespace

bool HasRunningStatistics(Module& module) { return !Statistics(module.impl().module).empty(); }

absl::Status Recalibrate(Module& module, const Dataset& dataset, uint32_t samples) {
  return CatchTorch("running statistics cannot be measured", [&]() -> absl::Status {
    const torch::NoGradGuard no_grad;
    Module::Impl& impl = module.impl();
    impl.module.train();
    impl.Refresh();
    Statistics statistics(impl.module);
    std::vector<uint32_t> all(dataset.size());
    std::iota(all.begin(), all.end(), 0);
    const std::vector<uint32_t> drawn = Minibatch({}, all, samples);
    const size_t passes = (drawn.size() - 1) / impl.evaluation_pass + 1;
    Batch batch;
    std::vector<torch::Tensor> from_zero, start, from_start;
    for (size_t i = 0; i < passes; ++i) {
      const size_t begin = drawn.size() * i / passes;
      const size_t count = drawn.size() * (i + 1) / passes - begin;
      MakeBatch(dataset, std::span(drawn).subspan(begin, count), &batch);
      statistics.Start(statistics.Zeros());
      RETURN_IF_ERROR(Pass(module, batch));
      statistics.Add(static_cast<double>(count));
      if (i > 0) continue;
      from_zero = statistics.Copies();
      for (const torch::Tensor& one : from_zero) start.push_back(torch::where(one == 0, torch::ones_like(one), one));
      statistics.Start(start);
      RETURN_IF_ERROR(Pass(module, batch));
      from_start = statistics.Copies();
    }
    statistics.Finish(from_zero, start, from_start, static_cast<double>(drawn.size()));
    return absl::OkStatus();
  });
}

}  // namespace signvote
