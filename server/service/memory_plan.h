// How much memory a run takes on a server, line by line as formulas, before anything is allocated. Pure.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/safetensors.h"
#include "server/service/machine_memory.h"
#include "server/service/options.h"

namespace signvote {

struct MemoryPlan {
  struct Line {
    std::string what;
    std::string formula;  // in N, M, k, ...; the legend says what they are
    uint64_t bytes = 0;
  };
  std::string legend;  // "rule agreement, N = ... coordinates, M = ... voters, ..."
  std::vector<Line> lines;

  uint64_t Bytes() const;  // the sum
};

// `range`: the blocks that this server holds, `tensors`: those in it. Voters: options.rounds.voters, or, where that is
// 0, as many as rounds.quorum and rounds.electorate speak of.
MemoryPlan PlanMemory(const ServerOptions& options, const BlockRange& range, std::span<const TensorShape> tensors = {});

// A table with the sum, and what the machine has.
std::string Describe(const MemoryPlan& plan, const MachineMemory& machine);

// RESOURCE_EXHAUSTED with the whole table when the sum is more than the machine has.
absl::Status CheckMemory(const MemoryPlan& plan, const MachineMemory& machine);

}  // namespace signvote
