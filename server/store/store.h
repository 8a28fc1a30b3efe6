// What must survive a crash, as the service sees it: closed rounds, changes of clients and step, and checkpoints.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/signvote/v1/journal.pb.h"

namespace signvote {

struct Checkpoint {
  uint64_t round = 0;             // closed
  std::vector<float> parameters;  // of the server's blocks, after `round`
  std::string learnt;             // Tally::Save
  std::string clients;            // Registry::Save
  float step_size = 0;            // set by an administrator; 0: that of the configuration
};

class Store {
 public:
  virtual ~Store() = default;

  // Makes the records durable, all or none. RESOURCE_EXHAUSTED (disk full) and UNAVAILABLE (I/O error) may be tried
  // again with the same records.
  virtual absl::Status Append(std::span<const v1::JournalRecord> records) = 0;

  // Whether ballots belong into the records of a round (durability: ballots), or decisions alone.
  virtual bool wants_ballots() const = 0;
  virtual bool wants_decisions() const = 0;

  // Writes a checkpoint durably; older ones and the journal before them may then be pruned. Errors as in Append.
  // Returns its directory.
  virtual absl::StatusOr<std::string> WriteCheckpoint(const Checkpoint& checkpoint) = 0;
};

}  // namespace signvote
