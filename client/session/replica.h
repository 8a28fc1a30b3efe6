// A client's copy of the parameters that one server holds, moved by what that server sends: pure.
//
// Invariants: while IsLoaded(), the range of the vector holds the parameters after round(), with the decisions of round
// round() + 1 applied to those of its blocks that have arrived; fingerprint() is that of the parameters after round().
// Not thread-safe. The vector belongs to the caller and may be shared by replicas of disjoint ranges.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "common/blocks.h"
#include "common/fingerprint.h"
#include "common/sign_vector.h"
#include "common/step.h"
#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

class Replica {
 public:
  explicit Replica(std::vector<float>* parameters) : parameters_(parameters) {}

  // Forgets everything and holds `range` from now on; gives the vector the model's size, which moves it only where the
  // size changes.
  void Reset(const BlockRange& range);
  // The parameters are worthless: Load anew.
  void Forget();
  // A new session begins: it says all decisions of round() + 1 again.
  void DropTentative();

  bool IsLoaded() const { return loaded_; }
  uint64_t round() const { return round_; }
  // Decisions of round() + 1 are in the vector already.
  bool IsMoving() const;
  const Fingerprint& fingerprint() const { return fingerprint_; }
  const BlockRange& range() const { return range_; }

  // True when all parameters of the range are there: IsLoaded(). A chunk of another round starts over.
  // INVALID_ARGUMENT: chunks that do not follow each other or leave the range. DATA_LOSS: they were altered on the way.
  absl::StatusOr<bool> Load(const v1::ParametersChunk& chunk);

  // Applies a decision of round() + 1, after the tentative ones before it; one that was applied before is passed over.
  // A tentative one is kept until then or until Close, and is no longer what counts when one on its block or on one
  // before it follows. INVALID_ARGUMENT / OUT_OF_RANGE: of another round or block, not loaded, or signs that do not
  // decode.
  absl::Status Apply(const v1::DecisionBlock& decision);

  // Ends round() + 1: afterwards round() is `closed`'s. False: the fingerprint is not the server's.
  // INVALID_ARGUMENT: of another round, or the decision of a block is missing.
  absl::StatusOr<bool> Close(const v1::RoundClosed& closed);

 private:
  std::span<float> Own() const;
  void ApplyKept();

  std::vector<float>* parameters_;
  BlockRange range_;
  bool loaded_ = false;
  uint64_t round_ = 0;
  Fingerprint fingerprint_;

  uint64_t loading_round_ = 0;
  uint64_t loaded_coordinates_ = 0;  // of loading_round_

  struct Block {
    bool decided = false;         // in round_ + 1
    bool kept = false;            // `next` is of round_ + 1 and not applied
    std::vector<uint64_t> signs;  // of the last decision applied; empty: none since Load
    SignVector next;
    Step step;
  };
  std::vector<Block> blocks_;
};

}  // namespace signvote
