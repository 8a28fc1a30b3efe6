// An observer's work: measures copies of the parameters on the test set, in a thread of its own, so that following the
// rounds never waits for it.
#pragma once

#include <absl/status/statusor.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "client/data/formats.h"
#include "client/model/gradient.h"
#include "client/options.h"
#include "common/mutex.h"

namespace signvote {

// Thread-safe.
class Evaluator {
 public:
  // Called once for each Schedule, and for a Try that fails: from the evaluator's thread and in their order, but for an
  // evaluation that is given up (CANCELLED) from the thread that schedules another, ahead of those before it.
  // INVALID_ARGUMENT: as Evaluate and Recalibrate; it is logged. OUT_OF_RANGE: the loss is not finite; it is logged.
  using Done = std::function<void(const action::Evaluate& evaluation, const absl::StatusOr<v1::Evaluation>& result)>;

  // Makes evaluate.export, so that a directory that no evaluation could write to is told before anything is computed.
  // Empty: nothing to do. INVALID_ARGUMENT: it cannot be made or written to.
  static absl::Status PrepareExport(const std::string& directory);
  // Reads the test set.
  static absl::StatusOr<std::unique_ptr<Evaluator>> Make(const ClientOptions& options, Done done);
  // Gives up what is not done.
  ~Evaluator();

  const Dataset& dataset() const { return dataset_; }

  // INVALID_ARGUMENT: as Module::Load, or the model has running statistics and there are no training samples to measure
  // them on. Earlier jobs are finished with the model that they were scheduled for.
  absl::Status LoadModel(const std::string& bytes, std::span<const TensorShape> tensors);

  // Says soon what would keep every evaluation from being done, from a few samples.
  void Try(std::span<const float> parameters);

  // Copies the parameters. Where more than kWaitingBytes wait, the oldest that waits is given up.
  void Schedule(const action::Evaluate& evaluation, std::span<const float> parameters);

  // Why evaluate.export does not hold what was last evaluated; OK: it does, or none is asked for.
  absl::Status LastExport();

 private:
  static constexpr size_t kWaitingBytes = size_t{1} << 30;

  // A model over a vector of its own.
  struct Copy {
    std::vector<float> parameters;
    std::shared_ptr<const Dataset> calibration;  // for its running statistics; null: it has none
    std::unique_ptr<Module> module;
  };
  struct Job {
    action::Evaluate evaluation;
    std::vector<float> parameters;
    std::shared_ptr<Copy> copy;
    bool is_trial = false;
  };

  Evaluator(const ClientOptions& options, Done done) : options_(options), done_(std::move(done)) {}
  void Add(Job job);
  void Run();
  absl::Status Trial(const Job& job);
  absl::StatusOr<v1::Evaluation> Measure(Job job);
  absl::Status NotFinite(uint64_t round, const Score& score);
  absl::Status Export(const Job& job, const Score& score, const std::string& fingerprint);
  bool Stopping();

  const ClientOptions options_;
  const Done done_;
  Dataset dataset_;                             // constant once Make returns
  std::shared_ptr<const Dataset> calibration_;  // read by the first LoadModel that needs it, whose thread alone uses it

  Mutex mu_;
  CondVar changed_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<Copy> copy_ ABSL_GUARDED_BY(mu_);  // its insides are used by the thread alone
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status exported_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace signvote
