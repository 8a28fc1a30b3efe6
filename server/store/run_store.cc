#include "server/store/run_store.h"

#include "common/status.h"
#include "server/store/checkpoint.h"
#include "server/store/layout.h"

namespace signvote {

void SetRecord(const BallotKey& key, const SignVector& planes, v1::JournalRecord* record) {
  v1::BallotRecord& ballot = *record->mutable_ballot();
  ballot.set_client_id(key.client_id);
  ballot.set_round(key.round);
  ballot.set_block(key.block);
  EncodeSigns(planes.signs, planes.zeros, {}, ballot.mutable_signs());
}

v1::JournalRecord RecordOf(const BallotKey& key, const SignVector& planes) {
  v1::JournalRecord record;
  SetRecord(key, planes, &record);
  return record;
}

void RunStore::Stage(const BallotKey& key, const SignVector& planes) {
  if (!wants_ballots()) return;
  SetRecord(key, planes, &ballot_);
  if (RemoveHalfBegun().ok() && writer_->Stage(ballot_).ok()) {
    staged_.insert(key);
  } else {
    staged_.clear();
  }
}

void RunStore::Unstage() {
  staged_.clear();
  // What cannot be removed now is removed before anything else is written.
  writer_->Settle().IgnoreError();
}

absl::Status RunStore::Append(std::span<const v1::JournalRecord> records) {
  if (!wants_decisions() || records.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(RemoveHalfBegun());
  staged_.clear();
  return writer_->Append(records);
}

absl::Status RunStore::RemoveHalfBegun() {
  if (half_begun_.empty()) return absl::OkStatus();
  if (absl::Status status = disk_->Remove(half_begun_); !status.ok() && !absl::IsNotFound(status)) return status;
  RETURN_IF_ERROR(disk_->SyncDirectory(JournalDirectory(options_.directory)));
  half_begun_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::string> RunStore::WriteCheckpoint(const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(SaveCheckpoint(*disk_, options_.directory, options_.run, options_.tensors, checkpoint));
  return CheckpointPath(options_.directory, checkpoint.round);
}

void RunStore::Rotate(uint64_t closed) {
  // Where a new segment cannot be begun, the old one goes on, and recovery reads it past the checkpoint.
  if (wants_decisions() && writer_->position().after_round != closed) {
    staged_.clear();
    if (RemoveHalfBegun().ok() && writer_->Settle().ok()) {
      auto next = SegmentWriter::Create(disk_, options_.directory, closed, writer_->position().append, options_.run);
      if (next.ok()) {
        writer_ = *std::move(next);
      } else {
        half_begun_ = SegmentPath(options_.directory, closed);
      }
    }
  }
  Prune(*disk_, options_.directory, options_.keep).IgnoreError();
}

}  // namespace signvote
