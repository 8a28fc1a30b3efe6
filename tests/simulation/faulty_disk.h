// The server's disk: fails for a while, or stops the machine at a chosen call.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/server/store/memory_disk.h"
#include "tests/simulation/world.h"

namespace signvote::simulation {

class FaultyDisk {
 public:
  enum class Loss { kNothing, kUnsynced, kSome };  // kSome: any of the unsynced pages and directories

  explicit FaultyDisk(World* world);

  MemoryDisk& disk() { return *disk_; }

  // Each call fails with this probability until Heal.
  void FailCalls(double probability, absl::Status with);
  // The machine stops in the middle of the n-th changing call from now on (1: the next one).
  void CrashAtCall(uint64_t n) { crash_in_ = n; }
  void Heal();

  // Nothing reaches the disk from now on.
  void Stop() { has_stopped_ = true; }
  bool has_stopped() const { return has_stopped_; }
  // What the next start finds.
  void Restart(Loss loss);

  uint64_t calls() const { return calls_; }

 private:
  void Watch();
  absl::Status Before(const std::string& call, const std::string& path);

  World* const world_;
  std::unique_ptr<MemoryDisk> disk_;
  double probability_ = 0;
  absl::Status failure_;
  std::optional<uint64_t> crash_in_;
  bool has_stopped_ = false;
  uint64_t calls_ = 0;
};

}  // namespace signvote::simulation
