// What happens in one simulation, drawn wholly from its seed: the run's options, who takes part, and the faults.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "server/service/options.h"
#include "tests/simulation/faulty_disk.h"

namespace signvote::simulation {

struct ClientPlan {
  std::string name;
  v1::Role role = v1::VOTER;
  uint32_t fraction = 0;                     // own k; 0: the server's
  absl::Duration compute_low, compute_high;  // of a gradient or an evaluation
};

struct Fault {
  enum class Kind {
    kBreakStreams,  // of `client`
    kPartition,     // `client` (empty: everyone) for `duration`, in the directions of `amount`: 1 up, 2 down, 3 both
    kClientCrash,   // back after `duration`, without state
    kClientLeave,   // the same, after Leave
    kSlowClient,    // takes seconds for every message, for `duration`
    kServerKill,    // the process; what was written stays
    kPowerLoss,     // `loss`
    kCrashAtCall,   // of the disk: number `amount` from now on, `loss`
    kServerStop,    // by SIGTERM
    kDiskFails,     // calls fail with probability `amount` / 100, by `code`, for `duration`
    kPause,         // by the administrator, like the next four, for `duration`
    kEvict,         // `client`, for `duration`
    kStepSize,
    kCheckpoint,
  };
  absl::Duration at;
  Kind kind = Kind::kBreakStreams;
  std::string client;
  absl::Duration duration;
  uint64_t amount = 0;
  FaultyDisk::Loss loss = FaultyDisk::Loss::kNothing;
  absl::StatusCode code = absl::StatusCode::kUnavailable;
};

struct Scenario {
  uint64_t seed = 0;
  uint64_t parameters = 0;
  ServerOptions options;
  std::vector<ClientPlan> clients;
  std::vector<Fault> faults;
  absl::Duration horizon;  // all faults are over by then
  // Nothing but the ballots decides here, and every voter's ballot of every round is needed: faults change nothing.
  bool is_exact = false;
};

Scenario DrawScenario(uint64_t seed);
// The same run without faults.
Scenario Calm(Scenario scenario);

std::string Describe(const Scenario& scenario);
std::string Describe(const Fault& fault);

}  // namespace signvote::simulation
