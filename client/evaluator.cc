#include "client/evaluator.h"

#include "common/fingerprint.h"
#include "common/log.h"

namespace signvote {

absl::StatusOr<std::unique_ptr<Evaluator>> Evaluator::Make(const ClientOptions& options, Done done) {
  std::unique_ptr<Evaluator> evaluator(new Evaluator(options, std::move(done)));
  ASSIGN_OR_RETURN(evaluator->dataset_, LoadDataset(options.data.format, options.data.path, Split::kTest));
  spdlog::info("evaluates on the {} samples of {}", evaluator->dataset_.size(), evaluator->dataset_.source);
  evaluator->thread_ = std::thread([e = evaluator.get()] { e->Run(); });
  return evaluator;
}

Evaluator::~Evaluator() {
  {
    const MutexLock lock(mu_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

absl::Status Evaluator::LoadModel(const std::string& bytes, std::span<const TensorShape> tensors) {
  auto copy = std::make_shared<Copy>();
  size_t total = 0;
  for (const TensorShape& tensor : tensors) total += tensor.Coordinates();
  copy->parameters.resize(total);
  ASSIGN_OR_RETURN(copy->module, Module::Load(bytes, tensors, copy->parameters, options_.module));
  const MutexLock lock(mu_);
  copy_ = std::move(copy);
  return absl::OkStatus();
}

void Evaluator::Schedule(uint64_t round, std::span<const float> parameters) {
  std::optional<Job> given_up;
  {
    const MutexLock lock(mu_);
    jobs_.push_back({round, {parameters.begin(), parameters.end()}, copy_});
    if (jobs_.size() > 1 && jobs_.size() * parameters.size_bytes() > kWaitingBytes) {
      given_up = std::move(jobs_.front());
      jobs_.pop_front();
    }
  }
  changed_.NotifyAll();
  if (given_up.has_value()) done_(given_up->round, std::nullopt);
}

void Evaluator::Run() {
  while (true) {
    Job job;
    {
      const MutexLock lock(mu_);
      while (!stopping_ && jobs_.empty()) changed_.Wait(mu_);
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    const uint64_t round = job.round;
    done_(round, Measure(std::move(job)));
  }
}

std::optional<v1::Evaluation> Evaluator::Measure(Job job) {
  if (job.copy == nullptr) return std::nullopt;  // the server sent no model
  std::copy(job.parameters.begin(), job.parameters.end(), job.copy->parameters.begin());
  const auto cancelled = [this] {
    const MutexLock lock(mu_);
    return stopping_;
  };
  const absl::StatusOr<Score> score = Evaluate(*job.copy->module, dataset_, cancelled);
  if (!score.ok()) {
    spdlog::error("round {}: {}", job.round, Message(score.status()));
    return std::nullopt;
  }
  const Fingerprint fingerprint = FingerprintOf(job.parameters);
  spdlog::info("round {}: accuracy {:.4f}, loss {:.4f} on {} samples, fingerprint {}", job.round, score->accuracy,
               score->loss, score->samples, fingerprint.Hex());
  v1::Evaluation evaluation;
  evaluation.set_round(job.round);
  evaluation.set_accuracy(score->accuracy);
  evaluation.set_loss(score->loss);
  evaluation.set_samples(score->samples);
  *evaluation.mutable_fingerprint() = ToProto(fingerprint);
  return evaluation;
}

}  // namespace signvote
