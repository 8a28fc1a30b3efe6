// A run's directory on disk: opening it is recovering it, whether it is new, was stopped, or crashed.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/safetensors.h"
#include "server/round/registry.h"
#include "server/round/tally.h"
#include "server/store/disk.h"
#include "server/store/recent_rounds.h"
#include "server/store/store.h"

namespace signvote {

// What a directory must agree with to go on in it.
struct RunSetup {
  VoteOptions vote;
  BlockRange range;
  std::vector<TensorShape> tensors;  // of the whole model
  std::string config;                // what decides the result of a round, as canonical text
  std::string model_sha256;
  std::string durability = "ballots";
  uint32_t keep = 3;  // checkpoints
};

struct OpenedRun {
  std::string run;  // unique to this run, the same after every restart
  Tally tally;
  Registry registry;
  float step_size = 0;              // set by an administrator; 0: that of the configuration
  std::vector<RecentRound> recent;  // the last rounds, ascending, as far as recovery came across them
  std::unique_ptr<Store> store;
  std::string report;  // what was recovered, a sentence; empty for a new run
};

// Makes or recovers `directory`: the newest valid checkpoint (round 0 from `initial_parameters` for a new run), then
// the journal after it. Errors: FAILED_PRECONDITION: it belongs to another model, shard or configuration, or another
// process uses it; DATA_LOSS: damage in the middle (says what, where and what to do); or of the file system. `disk`
// outlives the store.
absl::StatusOr<OpenedRun> OpenRun(Disk& disk, const std::string& directory, const RunSetup& setup,
                                  std::vector<float> initial_parameters, const ParallelFor& parallel);
absl::StatusOr<OpenedRun> OpenRun(const std::string& directory, const RunSetup& setup,
                                  std::vector<float> initial_parameters, const ParallelFor& parallel);

}  // namespace signvote
