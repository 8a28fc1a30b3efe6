// Names within a run's directory:
//
//   DIR/lock                                  held by the server that uses it
//   DIR/checkpoints/round-00000042/           params.safetensors, state.bin: after round 42
//   DIR/journal/round-00000042.log            a segment: rounds 43 and on
//
// Names that end otherwise are on their way in (.tmp), on their way out (.old) or put aside by an administrator
// (.aside).
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "server/store/disk.h"

namespace signvote {

inline constexpr char kTemporary[] = ".tmp";
inline constexpr char kReplaced[] = ".old";
inline constexpr char kAside[] = ".aside";
inline constexpr char kParametersFile[] = "params.safetensors";
inline constexpr char kStateFile[] = "state.bin";

std::string CheckpointsDirectory(const std::string& directory);
std::string JournalDirectory(const std::string& directory);
std::string CheckpointPath(const std::string& directory, uint64_t round);
std::string SegmentPath(const std::string& directory, uint64_t after_round);

struct Layout {
  std::vector<uint64_t> checkpoints;  // rounds, ascending
  std::vector<uint64_t> segments;     // after_round, ascending
};

// Directories that are not there are empty.
absl::StatusOr<Layout> ReadLayout(Disk& disk, const std::string& directory);

// The segment in which the round after `round` is to be looked for: the newest that does not begin after it. Its index,
// or segments.size() when there is none.
size_t CoveringSegment(const Layout& layout, uint64_t round);

// Completes or undoes what a crash interrupted: half-written files go, a checkpoint that was being replaced comes back.
absl::Status TidyUp(Disk& disk, const std::string& directory);

// A file, or a directory of files.
absl::Status RemoveTree(Disk& disk, const std::string& path);

}  // namespace signvote
