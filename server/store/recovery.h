// From what lies in a run's directory to the state of the run: a checkpoint, and the journal after it.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/store/checkpoint.h"
#include "server/store/disk.h"
#include "server/store/layout.h"
#include "server/store/recent_rounds.h"
#include "server/store/replay.h"
#include "server/store/segment_writer.h"

namespace signvote {

// One append of the journal.
struct JournalAppend {
  Bodies bodies;
  std::optional<uint64_t> round;  // that it closes
  uint64_t after_round = 0;       // closed before it
};

struct SegmentEnd {
  SegmentWriter::Position position;
  uint64_t round = 0;  // the last one closed
  uint32_t first_append = 0;
  std::string torn;  // what was cut short behind it; empty: nothing
};

// Reads one segment from its beginning. DATA_LOSS: damage, rounds that do not follow each other, or what `visit` says;
// with file and offset. FAILED_PRECONDITION: it belongs to another run than `run`.
absl::StatusOr<SegmentEnd> ReadSegment(Disk& disk, const std::string& directory, uint64_t after_round,
                                       const v1::RunRecord& run,
                                       const std::function<absl::Status(const JournalAppend&)>& visit);

// What is said where a segment ends after round `last` and the next one begins after a later one.
std::string MissingRounds(uint64_t last, uint64_t after);

// Reads segments from segments[first] on, each of which must go on where the one before ended; only the last may be
// torn. nullopt: there is none. Where a segment begins after a later round, `skip` is told it; without one, or with
// what it says, that is DATA_LOSS.
absl::StatusOr<std::optional<SegmentEnd>> ReadJournal(
    Disk& disk, const std::string& directory, const std::vector<uint64_t>& segments, size_t first,
    const v1::RunRecord& run, const std::function<absl::Status(const JournalAppend&)>& visit,
    const std::function<absl::Status(uint64_t last, uint64_t after)>& skip = nullptr);

// INVALID_ARGUMENT: what was learnt is not of these options.
absl::StatusOr<RunState> StateOf(const VoteOptions& vote, LoadedCheckpoint loaded);

struct Recovered {
  RunState state;
  v1::RunRecord run;
  std::vector<TensorShape> tensors;  // of the run's blocks, as it was founded with
  uint64_t checkpoint = 0;           // the round it began with
  uint64_t rounds = 0;               // played from the journal
  bool is_exact = true;              // see Replay
  std::optional<SegmentEnd> end;     // of the journal
  std::vector<RecentRound> recent;   // at most kRecentRounds, the last ones, as far as they were read
  std::vector<std::string> notes;    // sentences: what was skipped or cut off
};

// The newest checkpoint that is whole, and the journal after it. `expected` is the identity to find, without the run's
// name. FAILED_PRECONDITION: it is another one, both are named. DATA_LOSS: damage that would lose closed rounds; says
// what, where and what to do.
absl::StatusOr<Recovered> Recover(Disk& disk, const std::string& directory, const v1::RunRecord& expected,
                                  const VoteOptions& vote, const ParallelFor& parallel);

}  // namespace signvote
