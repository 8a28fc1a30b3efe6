// Checkpoints beside the rounds, and what an administrator did, in the journal before them.
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "common/status.h"
#include "server/service/federation.h"

namespace signvote {

// Taken between rounds, since the runner does one thing at a time, and written beside the rounds that follow.
void Federation::Checkpoint(CheckpointDone done) {
  environment_.run([this, done = std::move(done)] {
    auto checkpoint = TakeCheckpoint();
    if (!checkpoint.ok()) return done(checkpoint.status());
    is_writing_checkpoint_ = true;
    auto write = [this, done, taken = *std::move(checkpoint)] {
      absl::StatusOr<std::string> directory = environment_.store->WriteCheckpoint(*taken);
      environment_.run([this, done, round = taken->round, directory = std::move(directory)] {
        is_writing_checkpoint_ = false;
        if (!directory.ok()) return done(directory.status());
        environment_.store->Rotate(DecidedRound());
        events_.Add(environment_.now(), v1::CHECKPOINTED, "", round, *directory);
        spdlog::info("checkpoint of round {} in {}", round, *directory);
        v1::CheckpointResponse response;
        response.set_directory(*directory);
        response.set_round(round);
        done(response);
      });
    };
    environment_.run_beside ? environment_.run_beside(std::move(write)) : write();
  });
}

// Between rounds: a closing that waits for the disk is decoded and not applied, what is learnt is then ahead of the
// parameters, and what happened since belongs after its records.
absl::Status Federation::JournalPending(const std::function<void()>& look) {
  std::vector<v1::JournalRecord> records;
  {
    MutexLock lock(mu_);
    if (closing_ && closing_->frames) {
      return Error(absl::StatusCode::kFailedPrecondition, "round {} waits for the disk: {}; make room and try again",
                   closing_->round, disk_problem_);
    }
    look();
    records.swap(pending_records_);
  }
  {
    CoreLock core(this);
    ApplyToElectorate(records);
  }
  absl::Status status = environment_.store->Append(records);
  if (!status.ok()) {
    MutexLock lock(mu_);
    pending_records_.insert(pending_records_.begin(), records.begin(), records.end());
  }
  return status;
}

void Federation::Settle(std::function<void(absl::Status)> done) {
  environment_.run([this, done = std::move(done)] { done(JournalPending([] {})); });
}

absl::StatusOr<std::shared_ptr<const signvote::Checkpoint>> Federation::TakeCheckpoint() {
  auto checkpoint = std::make_shared<signvote::Checkpoint>();
  // What the checkpoint knows the journal says before it, or a replay would come to something else.
  RETURN_IF_ERROR(JournalPending([&] {
    mu_.AssertHeld();
    registry_.Save(&checkpoint->clients);
    checkpoint->step_size = step_size_;
  }));
  CoreLock core(this);
  checkpoint->round = tally_.round();
  checkpoint->parameters.assign(tally_.parameters().begin(), tally_.parameters().end());
  tally_.Save(&checkpoint->learnt);
  return checkpoint;
}

}  // namespace signvote
