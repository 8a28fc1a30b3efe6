#include "tests/simulation/faulty_disk.h"

#include <utility>

#include "common/status.h"

namespace signvote::simulation {

FaultyDisk::FaultyDisk(World* world) : world_(world), disk_(std::make_unique<MemoryDisk>()) { Watch(); }

void FaultyDisk::Watch() {
  disk_->before = [this](const std::string& call, const std::string& path) { return Before(call, path); };
}

absl::Status FaultyDisk::Before(const std::string& call, const std::string& path) {
  if (has_stopped_) return Error(absl::StatusCode::kUnavailable, "{} {}: the machine has stopped", call, path);
  ++calls_;
  world_->Trace("disk    {} {}", call, path);
  if (crash_in_ && --*crash_in_ == 0) {
    crash_in_.reset();
    world_->Trace("disk    the machine stops in {} {}", call, path);
    Stop();
    return Error(absl::StatusCode::kUnavailable, "{} {}: the machine stops", call, path);
  }
  if (probability_ == 0 || !world_->Chance(probability_)) return absl::OkStatus();
  world_->Trace("disk    {} {} fails", call, path);
  return Error(failure_.code(), "{} {}: {}", call, path, Message(failure_));
}

void FaultyDisk::FailCalls(double probability, absl::Status with) {
  probability_ = probability;
  failure_ = std::move(with);
}

void FaultyDisk::Heal() {
  probability_ = 0;
  crash_in_.reset();
}

void FaultyDisk::Restart(Loss loss) {
  const auto any = [this] { return world_->random().Below(2) == 0; };
  MemoryDisk after = loss == Loss::kSome       ? disk_->AfterCrash(any)
                     : loss == Loss::kUnsynced ? disk_->AfterCrash(MemoryDisk::Unsynced::kLost)
                                               : disk_->AfterCrash(MemoryDisk::Unsynced::kKept);
  disk_ = std::make_unique<MemoryDisk>(after);
  has_stopped_ = false;
  Watch();
}

}  // namespace signvote::simulation
