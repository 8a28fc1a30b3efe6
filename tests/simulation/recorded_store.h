// The run's store, under the eyes of the invariants.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "server/store/store.h"
#include "tests/simulation/invariants.h"

namespace signvote::simulation {

class RecordedStore final : public Store {
 public:
  RecordedStore(std::unique_ptr<Store> store, Invariants* invariants)
      : store_(std::move(store)), invariants_(invariants) {}

  void Stage(const BallotKey& key, const SignVector& planes) override { store_->Stage(key, planes); }
  bool IsStaged(const BallotKey& key) const override { return store_->IsStaged(key); }
  void Unstage() override { store_->Unstage(); }
  absl::Status Append(std::span<const v1::JournalRecord> records) override {
    invariants_->Appending(records);
    absl::Status status = store_->Append(records);
    if (status.ok()) invariants_->Appended();
    return status;
  }
  bool wants_ballots() const override { return store_->wants_ballots(); }
  bool wants_decisions() const override { return store_->wants_decisions(); }
  absl::StatusOr<std::string> WriteCheckpoint(const Checkpoint& checkpoint) override {
    return store_->WriteCheckpoint(checkpoint);
  }
  void Rotate(uint64_t closed) override { store_->Rotate(closed); }

 private:
  const std::unique_ptr<Store> store_;
  Invariants* const invariants_;
};

}  // namespace signvote::simulation
