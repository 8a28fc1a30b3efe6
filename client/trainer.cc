#include "client/trainer.h"

#include <algorithm>

#include "client/model/device_packing.h"
#include "common/log.h"
#include "common/random.h"
#include "common/real_text.h"

namespace signvote {

absl::StatusOr<std::unique_ptr<Trainer>> Trainer::Make(const ClientOptions& options) {
  std::unique_ptr<Trainer> trainer(new Trainer(options));
  const ClientOptions::Data& data = options.data;
  ASSIGN_OR_RETURN(trainer->dataset_, data.source(Split::kTrain));
  RETURN_IF_ERROR(ValidateAugmentation(trainer->dataset_, data.augmentation));
  ASSIGN_OR_RETURN(trainer->share_, PartitionOf(trainer->dataset_, data.partition));
  spdlog::info("holds {} of the {} samples of {}", trainer->share_.size(), trainer->dataset_.size(),
               trainer->dataset_.source);
  if (const size_t share = trainer->share_.size(); options.session.batch > share) {
    spdlog::info("draws {} samples a round of {}, with repetition: each {:.1f} times on average", options.session.batch,
                 share, static_cast<double>(options.session.batch) / static_cast<double>(share));
  }
  return trainer;
}

absl::Status Trainer::LoadModel(const std::string& bytes, std::span<const TensorShape> tensors,
                                std::span<float> parameters) {
  module_.reset();
  fits_ = false;
  ASSIGN_OR_RETURN(module_, Module::Load(bytes, tensors, parameters, options_.module));
  tensors_.assign(tensors.begin(), tensors.end());
  parameters_ = parameters;
  gradient_.assign(parameters.size(), 0.0f);
  return absl::OkStatus();
}

absl::Status Trainer::Gradient(const DrawKey& key, uint32_t batch, uint64_t module_seed, std::span<float> gradient) {
  const auto part = [&](size_t begin, size_t count) -> const Batch& {
    DrawKey of_part = key;
    of_part.first += begin;
    const std::vector<uint32_t> samples = Minibatch(of_part, share_, static_cast<uint32_t>(count));
    MakeAugmentedBatch(dataset_, samples, options_.data.augmentation, of_part, &batch_);
    return batch_;
  };
  ASSIGN_OR_RETURN(const double loss, MeanGradient(*module_, {batch, part}, module_seed, gradient));
  spdlog::debug("round {}: loss {} on {} samples", key.round, RealText(loss), batch);
  return absl::OkStatus();
}

absl::Status Trainer::ComputeGradient(uint64_t client_id, uint64_t round, const LocalWork& work) {
  if (module_ == nullptr) return Error(absl::StatusCode::kFailedPrecondition, "the server sent no model");
  if (!fits_) RETURN_IF_ERROR(CheckFit(*module_, dataset_, {}));  // what is drawn hours from now is told now
  fits_ = true;
  DrawKey key{options_.seed, client_id, round};
  const uint32_t batch = SimulatedBatch(options_.simulation, options_.session.batch, round);
  const uint64_t module_seed = Key(options_.seed, Purpose::kAugment, ~client_id, round);
  const uint32_t steps = std::max(1u, work.steps);
  on_device_ = steps == 1 && !module_->IsOnCpu();
  if (steps == 1) return Gradient(key, batch, module_seed, on_device_ ? std::span<float>() : gradient_);

  const std::vector<float> start(parameters_.begin(), parameters_.end());
  std::vector<float> one(gradient_.size());
  std::fill(gradient_.begin(), gradient_.end(), 0.0f);
  absl::Status status;
  for (uint32_t step = 0; step < steps && status.ok(); ++step) {
    key.first = uint64_t{step} * batch;
    status = Gradient(key, batch, module_seed + step, one);
    for (size_t n = 0; n < one.size(); ++n) {
      gradient_[n] += one[n] / static_cast<float>(steps);
      parameters_[n] -= work.step_size * one[n];
    }
  }
  std::copy(start.begin(), start.end(), parameters_.begin());
  return status;
}

absl::StatusOr<SignPacker> Trainer::MakePacker(const Vote& vote) const {
  const Dither dither{vote.dither, Key(vote.seed, Purpose::kDither, vote.client_id, vote.round), vote.magnitude};
  if (on_device_) return PackOnDevice(*module_, tensors_, dither);
  return SignPacker::Make(tensors_, gradient_, dither);
}

}  // namespace signvote
