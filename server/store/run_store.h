// The Store of a run's directory: appends to the newest journal segment, and begins another after each checkpoint.
//
// Owns the lock on the directory.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/safetensors.h"
#include "server/store/disk.h"
#include "server/store/segment_writer.h"
#include "server/store/store.h"

namespace signvote {

class RunStore final : public Store {
 public:
  struct Options {
    std::string directory;
    v1::RunRecord run;
    std::vector<TensorShape> tensors;  // of the run's blocks, see TensorsOf
    std::string durability;
    uint32_t keep = 3;
  };

  RunStore(Disk* disk, Options options, std::unique_ptr<Disk::Lock> lock, std::unique_ptr<SegmentWriter> writer)
      : disk_(disk), options_(std::move(options)), lock_(std::move(lock)), writer_(std::move(writer)) {}
  // What is staged goes with the store: no round closed on it.
  ~RunStore() override { writer_->Settle().IgnoreError(); }

  void Stage(const BallotKey& key, const SignVector& planes) override;
  bool IsStaged(const BallotKey& key) const override { return staged_.contains(key); }
  void Unstage() override;
  absl::Status Append(std::span<const v1::JournalRecord> records) override;
  bool wants_ballots() const override { return options_.durability == "ballots"; }
  bool wants_decisions() const override { return options_.durability != "none"; }
  absl::StatusOr<std::string> WriteCheckpoint(const Checkpoint& checkpoint) override;
  void Rotate(uint64_t closed) override;

 private:
  // A segment that was begun and not finished must be gone, durably, before the one before it goes on: recovery would
  // take it for that one's successor.
  absl::Status RemoveHalfBegun();

  Disk* const disk_;
  const Options options_;
  const std::unique_ptr<Disk::Lock> lock_;
  std::unique_ptr<SegmentWriter> writer_;
  std::set<BallotKey> staged_;
  v1::JournalRecord ballot_;  // the last one staged
  std::string half_begun_;    // a path; empty: none
};

}  // namespace signvote
