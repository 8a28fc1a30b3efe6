// Which samples of a training set a client holds: a pure function of (labels, options), never of the client's batch, so
// that clients need not speak to each other to hold disjoint shares.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "client/data/dataset.h"

namespace signvote {

struct PartitionOptions {
  //   all               every client holds everything
  //   iid               a random split into equal shares
  //   labels:K          client m holds the classes (m*K + j) % classes, j < K, whole
  //   dirichlet:ALPHA   each class is split by proportions drawn from Dirichlet(ALPHA); small ALPHA: very unequal
  //   groups:A:D        the first A clients hold the classes below D, the others the rest
  std::string kind = "all";
  uint32_t index = 0;  // of this client, below `count`
  uint32_t count = 1;  // clients
  uint64_t seed = 0;   // the same for all of them
};

// INVALID_ARGUMENT: not one of the kinds above.
absl::Status ValidatePartitionKind(const std::string& kind);

// Ascending sample numbers. INVALID_ARGUMENT: no such kind, one that needs classes where there
// are none, more labels than classes, index >= count, or the share is empty (names it).
absl::StatusOr<std::vector<uint32_t>> PartitionOf(const Dataset& dataset, const PartitionOptions& options);

}  // namespace signvote
