#include "server/store/run_store.h"

#include "common/status.h"
#include "server/store/checkpoint.h"
#include "server/store/layout.h"

namespace signvote {

absl::Status RunStore::Append(std::span<const v1::JournalRecord> records) {
  return wants_decisions() ? writer_->Append(records) : absl::OkStatus();
}

absl::StatusOr<std::string> RunStore::WriteCheckpoint(const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(SaveCheckpoint(*disk_, options_.directory, options_.run, options_.tensors, checkpoint));
  // The checkpoint stands. Where a new segment cannot be begun, the old one goes on and recovery reads it past the
  // checkpoint; what could not be pruned is pruned at the next one.
  if (writer_->position().after_round != checkpoint.round && writer_->Settle().ok()) {
    auto next =
        SegmentWriter::Create(disk_, options_.directory, checkpoint.round, writer_->position().append, options_.run);
    if (next.ok()) writer_ = *std::move(next);
  }
  Prune(*disk_, options_.directory, options_.keep).IgnoreError();
  return CheckpointPath(options_.directory, checkpoint.round);
}

}  // namespace signvote
