#include "client/evaluator.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "client/model/export.h"
#include "client/model/running_statistics.h"
#include "common/files.h"
#include "common/fingerprint.h"
#include "common/log.h"

namespace signvote {

absl::Status Evaluator::PrepareExport(const std::string& directory) {
  if (directory.empty()) return absl::OkStatus();
  absl::Status status = MakeDirectories(directory);
  if (status.ok() && ::access(directory.c_str(), W_OK | X_OK) != 0) status = ErrnoStatus(errno, "write to", directory);
  if (status.ok()) return status;
  return InvalidArgument("evaluate.export is \"{}\", expected a directory to write to: {}", directory, Message(status));
}

absl::StatusOr<std::unique_ptr<Evaluator>> Evaluator::Make(const ClientOptions& options, Done done) {
  std::unique_ptr<Evaluator> evaluator(new Evaluator(options, std::move(done)));
  ASSIGN_OR_RETURN(evaluator->dataset_, options.data.source(Split::kTest));
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
  copy->parameters.resize(Coordinates(tensors));
  ASSIGN_OR_RETURN(copy->module, Module::Load(bytes, tensors, copy->parameters, options_.module));
  if (HasRunningStatistics(*copy->module)) {
    if (calibration_ == nullptr) {
      absl::StatusOr<Dataset> samples = options_.data.source(Split::kTrain);
      if (!samples.ok()) {
        return Annotate(samples.status(), "the model has running statistics, to be measured on training samples");
      }
      calibration_ = std::make_shared<Dataset>(*std::move(samples));
      spdlog::info("measures running statistics on {} samples, drawn (and put back) from the {} of {}",
                   options_.calibration, calibration_->size(), calibration_->source);
    }
    copy->calibration = calibration_;
  }
  if (!options_.export_directory.empty() && !copy->module->HasForward()) {
    spdlog::info("model.pt has no method forward: {} gets no predictions.npy", options_.export_directory);
  }
  const MutexLock lock(mu_);
  copy_ = std::move(copy);
  return absl::OkStatus();
}

void Evaluator::Try(std::span<const float> parameters) {
  Add({.parameters = {parameters.begin(), parameters.end()}, .is_trial = true});
}

void Evaluator::Schedule(const action::Evaluate& evaluation, std::span<const float> parameters) {
  Add({.evaluation = evaluation, .parameters = {parameters.begin(), parameters.end()}});
}

void Evaluator::Add(Job job) {
  const size_t bytes = job.parameters.size() * sizeof(float);
  std::optional<Job> given_up;
  {
    const MutexLock lock(mu_);
    job.copy = copy_;
    jobs_.push_back(std::move(job));
    if (jobs_.size() > 1 && jobs_.size() * bytes > kWaitingBytes) {
      given_up = std::move(jobs_.front());
      jobs_.pop_front();
    }
  }
  changed_.NotifyAll();
  if (!given_up.has_value() || given_up->is_trial) return;
  done_(given_up->evaluation, Error(absl::StatusCode::kCancelled, "others wait for too much memory"));
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
    const action::Evaluate evaluation = job.evaluation;
    if (!job.is_trial) {
      done_(evaluation, Measure(std::move(job)));
    } else if (const absl::Status status = Trial(job); !status.ok()) {
      spdlog::error("{}", Message(status));
      done_(evaluation, status);
    }
  }
}

absl::Status Evaluator::NotFinite(uint64_t round, const Score& score) {
  const absl::Status status =
      Error(absl::StatusCode::kOutOfRange,
            "round {}: the loss on {} samples is not finite, so nothing is reported or exported: parameters have "
            "diverged (lower step.size of the server), or inputs are not finite or very large (data.mean and "
            "data.deviation normalise them)",
            round, score.samples);
  spdlog::error("{}", Message(status));
  if (!options_.export_directory.empty()) {
    const MutexLock lock(mu_);
    exported_ = status;
  }
  return status;
}

absl::Status Evaluator::LastExport() {
  const MutexLock lock(mu_);
  return exported_;
}

bool Evaluator::Stopping() {
  const MutexLock lock(mu_);
  return stopping_;
}

absl::Status Evaluator::Trial(const Job& job) {
  if (job.copy == nullptr) return absl::OkStatus();
  Copy& copy = *job.copy;
  std::copy(job.parameters.begin(), job.parameters.end(), copy.parameters.begin());
  if (copy.calibration != nullptr) {
    const uint32_t one_pass = std::min(options_.calibration, options_.module.EvaluationPass());
    RETURN_IF_ERROR(Annotate(Recalibrate(*copy.module, *copy.calibration, one_pass), copy.calibration->source));
  }
  return CheckFit(*copy.module, dataset_, options_.metrics);
}

absl::StatusOr<v1::Evaluation> Evaluator::Measure(Job job) {
  if (job.copy == nullptr) return Error(absl::StatusCode::kFailedPrecondition, "the server sent no model");
  Copy& copy = *job.copy;
  std::copy(job.parameters.begin(), job.parameters.end(), copy.parameters.begin());
  absl::Status status = copy.calibration == nullptr
                            ? absl::OkStatus()
                            : Recalibrate(*copy.module, *copy.calibration, options_.calibration);
  const absl::StatusOr<Score> score =
      status.ok() ? Evaluate(*copy.module, dataset_, options_.metrics, [this] { return Stopping(); }) : status;
  if (!score.ok()) {
    spdlog::error("round {}: {}", job.evaluation.round, Message(score.status()));
    return score.status();
  }
  if (!std::isfinite(score->loss)) return NotFinite(job.evaluation.round, *score);
  const Fingerprint fingerprint = FingerprintOf(job.parameters);
  spdlog::info("round {}: {} on {} samples, fingerprint {}", job.evaluation.round, score->Text(), score->samples,
               fingerprint.Hex());
  if (!options_.export_directory.empty()) {
    status = Annotate(Export(job, *score, fingerprint.Hex()), fmt::format("round {}", job.evaluation.round));
    if (!status.ok()) spdlog::error("{}", Message(status));
    const MutexLock lock(mu_);
    exported_ = status;
  }
  v1::Evaluation evaluation;
  evaluation.set_round(job.evaluation.round);
  evaluation.set_accuracy(score->accuracy.value_or(std::numeric_limits<double>::quiet_NaN()));
  evaluation.set_loss(score->loss);
  evaluation.set_samples(score->samples);
  *evaluation.mutable_fingerprint() = ToProto(fingerprint);
  return evaluation;
}

absl::Status Evaluator::Export(const Job& job, const Score& score, const std::string& fingerprint) {
  const std::string& directory = options_.export_directory;
  Module& module = *job.copy->module;
  RETURN_IF_ERROR(
      ExportModel(module, directory, {{"round", std::to_string(job.evaluation.round)}, {"fingerprint", fingerprint}}));
  RETURN_IF_ERROR(ExportPredictions(module, dataset_, directory + "/predictions.npy", [this] { return Stopping(); }));
  nlohmann::ordered_json json{
      {"round", job.evaluation.round}, {"fingerprint", fingerprint}, {"samples", score.samples}, {"loss", score.loss}};
  for (const auto& [name, value] : score.metrics) json[name] = value;
  return WriteFileAtomically(directory + "/evaluation.json", json.dump(2) + "\n");
}

}  // namespace signvote
