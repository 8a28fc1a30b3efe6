// What must survive a crash, as the service sees it: closed rounds, changes of clients and step, and checkpoints.
#pragma once

#include <absl/status/status.h>

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/sign_vector.h"
#include "proto/signvote/v1/journal.pb.h"

namespace signvote {

struct Checkpoint {
  uint64_t round = 0;             // closed
  std::vector<float> parameters;  // of the server's blocks, after `round`
  std::string learnt;             // Tally::Save
  std::string clients;            // Registry::Save
  float step_size = 0;            // set by an administrator; 0: that of the configuration
};

// One voter's ballot on one block.
struct BallotKey {
  uint64_t client_id = 0;
  uint64_t round = 0;  // on whose parameters it was computed
  uint64_t block = 0;
  auto operator<=>(const BallotKey&) const = default;
};
v1::JournalRecord RecordOf(const BallotKey& key, const SignVector& planes);
// The same into a record of another ballot, whose memory is used again.
void SetRecord(const BallotKey& key, const SignVector& planes, v1::JournalRecord* record);

// Not thread-safe, but for WriteCheckpoint.
class Store {
 public:
  virtual ~Store() = default;

  // Writes a ballot of the open round ahead, so that little is left to write when it closes. Best effort: what could
  // not be written, or was taken back since, is not staged any more, and belongs into the records of Append.
  virtual void Stage(const BallotKey& key, const SignVector& planes) = 0;
  virtual bool IsStaged(const BallotKey& key) const = 0;
  // Takes back all that is staged: a ballot was withdrawn, and its voter may cast another.
  virtual void Unstage() = 0;

  // Makes the records durable, and what is staged with them, all or none. RESOURCE_EXHAUSTED (disk full) and
  // UNAVAILABLE (I/O error) may be tried again with the same records.
  virtual absl::Status Append(std::span<const v1::JournalRecord> records) = 0;

  // Whether ballots belong into the records of a round (durability: ballots), or decisions alone.
  virtual bool wants_ballots() const = 0;
  virtual bool wants_decisions() const = 0;

  // Writes a checkpoint durably, one at a time, from any thread and beside the other calls. Errors as in Append.
  // Returns its directory.
  virtual absl::StatusOr<std::string> WriteCheckpoint(const Checkpoint& checkpoint) = 0;
  // Once a checkpoint stands: the journal goes on in a new segment after `closed`, the last closed round, and what the
  // checkpoints that are kept do not need is removed. What cannot be done now is done after the next one.
  virtual void Rotate(uint64_t closed) = 0;
};

}  // namespace signvote
