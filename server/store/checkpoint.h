// Checkpoints on disk: a directory of params.safetensors, which any program can read, and
//
//   state.bin := magic length checksum head learnt
//
// head: a serialised v1::CheckpointRecord of `length` bytes under `checksum` (XXH3-64), learnt: the bytes of
// Tally::Save. A checkpoint is whole where its directory has its name.
#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/safetensors.h"
#include "proto/signvote/v1/journal.pb.h"
#include "server/store/disk.h"
#include "server/store/store.h"

namespace signvote {

// The part of the model's tensors that a range of its blocks holds: all of them as they are, or, for a shard, a tensor
// that the range cuts as the flat piece "NAME[BEGIN:END]".
std::vector<TensorShape> TensorsOf(std::span<const TensorShape> tensors, const BlockRange& range);

BlockRange RangeOf(const v1::RunRecord& run);

// Durable when it returns, or not there. One of the same round is replaced.
absl::Status SaveCheckpoint(Disk& disk, const std::string& directory, const v1::RunRecord& run,
                            std::span<const TensorShape> tensors, const Checkpoint& checkpoint);

struct LoadedCheckpoint {
  v1::RunRecord run;
  Checkpoint checkpoint;
  std::vector<TensorShape> tensors;
};

// DATA_LOSS: a file of it is missing, damaged, or of another round than its directory; says which.
absl::StatusOr<LoadedCheckpoint> LoadCheckpoint(Disk& disk, const std::string& directory, uint64_t round);

// Removes checkpoints but the newest `keep`, and the segments that none of these needs.
absl::Status Prune(Disk& disk, const std::string& directory, uint32_t keep);

}  // namespace signvote
