#include "server/store/maintenance.h"

#include <algorithm>
#include <map>
#include <optional>

#include "common/status.h"
#include "server/store/layout.h"
#include "server/store/recovery.h"
#include "server/store/round_config.h"

namespace signvote {
namespace {

absl::StatusOr<Layout> LayoutOf(Disk& disk, const std::string& directory) {
  ASSIGN_OR_RETURN(Layout layout, ReadLayout(disk, directory));
  if (layout.checkpoints.empty()) {
    return Error(absl::StatusCode::kNotFound, "{} holds no checkpoint: is it the directory of a run?", directory);
  }
  return layout;
}

absl::StatusOr<std::unique_ptr<Disk::Lock>> LockRun(Disk& disk, const std::string& directory) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory));
  if (std::find(names.begin(), names.end(), "checkpoints") == names.end()) {
    return Error(absl::StatusCode::kNotFound, "{} holds no checkpoints: is it the directory of a run?", directory);
  }
  return disk.LockFile(directory + "/lock");
}

// Moves a file or directory of `place` out of the way.
absl::Status PutAside(Disk& disk, const std::string& place, const std::string& path, std::string* report) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(place));
  const std::string name = path.substr(place.size() + 1);
  std::string aside = name + kAside;
  for (int i = 2; std::find(names.begin(), names.end(), aside) != names.end(); ++i) {
    aside = fmt::format("{}{}-{}", name, kAside, i);
  }
  RETURN_IF_ERROR(disk.Rename(path, place + "/" + aside));
  *report += fmt::format("put aside: {}/{}\n", place, aside);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> VerifyRun(const std::string& directory, Disk& disk) {
  ASSIGN_OR_RETURN(const auto lock, LockRun(disk, directory));
  ASSIGN_OR_RETURN(const Layout layout, LayoutOf(disk, directory));
  std::string report;
  bool is_intact = true;
  auto bad = [&](const absl::Status& status) {
    is_intact = false;
    report += fmt::format("DAMAGED  {}\n", Message(status));
  };
  std::optional<v1::RunRecord> run;
  for (uint64_t round : layout.checkpoints) {
    const absl::StatusOr<LoadedCheckpoint> loaded = LoadCheckpoint(disk, directory, round);
    if (!loaded.ok()) {
      bad(loaded.status());
      continue;
    }
    run = loaded->run;
    report += fmt::format("whole    {}: {} parameters, {} bytes learnt\n", CheckpointPath(directory, round),
                          loaded->checkpoint.parameters.size(), loaded->checkpoint.learnt.size());
  }
  std::optional<SegmentEnd> end;
  for (uint64_t after : layout.segments) {
    if (!run) break;
    const std::string path = SegmentPath(directory, after);
    // What was put aside to recover, and what durability: none never wrote, is missing and no damage.
    if (end && (end->round > after || !end->torn.empty())) {
      bad(Error(absl::StatusCode::kDataLoss, "the segment before {} ends after round {}{}{}", path, end->round,
                end->torn.empty() ? "" : " with ", end->torn));
    } else if (end && end->round < after) {
      report += fmt::format("note     {}\n", MissingRounds(end->round, after));
    }
    uint64_t appends = 0;
    absl::StatusOr<SegmentEnd> next = ReadSegment(disk, directory, after, *run, [&](const JournalAppend& append) {
      ++appends;
      for (std::string_view body : append.bodies) {
        v1::JournalRecord record;
        if (!record.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
          return Error(absl::StatusCode::kDataLoss, "a record is no JournalRecord");
        }
      }
      return absl::OkStatus();
    });
    end.reset();
    if (!next.ok()) {
      bad(next.status());
      continue;
    }
    report += fmt::format("whole    {}: {} appends, rounds {} to {}, {} bytes{}{}\n", path, appends, after + 1,
                          next->round, next->position.end,
                          next->torn.empty() ? "" : "; the next start removes what was cut short: ", next->torn);
    end = *std::move(next);
  }
  if (!is_intact) return absl::DataLossError(report);
  return report;
}

absl::StatusOr<std::string> ReplayRun(const std::string& directory, const ParallelFor& parallel, Disk& disk) {
  ASSIGN_OR_RETURN(const auto lock, LockRun(disk, directory));
  ASSIGN_OR_RETURN(const Layout layout, LayoutOf(disk, directory));
  const uint64_t begin = layout.checkpoints.front();
  ASSIGN_OR_RETURN(LoadedCheckpoint loaded, LoadCheckpoint(disk, directory, begin));
  const v1::RunRecord run = loaded.run;
  ASSIGN_OR_RETURN(const RoundConfig config, ParseCanonical(run.config()));
  ASSIGN_OR_RETURN(RunState state, StateOf(config.vote, std::move(loaded)));
  Replay replay(&state, run.config(), parallel);
  std::string compared;
  auto compare = [&]() -> absl::Status {
    const uint64_t round = state.tally.round();
    if (!std::binary_search(layout.checkpoints.begin(), layout.checkpoints.end(), round)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const LoadedCheckpoint checkpoint, LoadCheckpoint(disk, directory, round));
    // Evictions after the round count from the checkpoint on, as in StateOf.
    Registry clients;
    RETURN_IF_ERROR(clients.Restore(checkpoint.checkpoint.clients));
    for (const auto& [name, client] : clients.clients()) {
      state.tally.electorate().SetEvicted(client.id, client.evicted);
    }
    std::string learnt;
    state.tally.Save(&learnt);
    const std::string path = CheckpointPath(directory, round);
    if (FingerprintOf(checkpoint.checkpoint.parameters) != state.tally.fingerprint()) {
      return Error(absl::StatusCode::kDataLoss, "round {}: the ballots lead to other parameters than {} holds", round,
                   path);
    }
    if (learnt != checkpoint.checkpoint.learnt) {
      return Error(
          absl::StatusCode::kDataLoss,
          "round {}: the ballots lead to other evidence or reliability than {} holds, unless this program computes "
          "differently from the one that wrote it (use that one)",
          round, path);
    }
    compared += fmt::format("the same: {}\n", path);
    return absl::OkStatus();
  };
  // Rounds that were put aside to recover: what follows them begins with a checkpoint.
  std::string skipped;
  auto skip = [&](uint64_t last, uint64_t after) -> absl::Status {
    const auto next = std::lower_bound(layout.checkpoints.begin(), layout.checkpoints.end(), after);
    if (next == layout.checkpoints.end()) {
      return Error(absl::StatusCode::kDataLoss, "{}, and there is no checkpoint after them",
                   MissingRounds(last, after));
    }
    ASSIGN_OR_RETURN(LoadedCheckpoint checkpoint, LoadCheckpoint(disk, directory, *next));
    ASSIGN_OR_RETURN(state, StateOf(config.vote, std::move(checkpoint)));
    skipped += fmt::format("but rounds {} to {}, which were put aside: {} was taken as it is\n", last + 1, *next,
                           CheckpointPath(directory, *next));
    return absl::OkStatus();
  };
  size_t first = CoveringSegment(layout, begin);
  if (first == layout.segments.size() && first > 0) {
    first = 0;
    RETURN_IF_ERROR(skip(begin, layout.segments.front()));
  }
  ASSIGN_OR_RETURN(const auto end, ReadJournal(
                                       disk, directory, layout.segments, first, run,
                                       [&](const JournalAppend& append) {
                                         if (append.after_round < state.tally.round()) return absl::OkStatus();
                                         RETURN_IF_ERROR(replay.Play(append.bodies));
                                         if (replay.is_exact()) return append.round ? compare() : absl::OkStatus();
                                         return Error(absl::StatusCode::kFailedPrecondition,
                                                      "its ballots are not in the journal: only runs with "
                                                      "durability: ballots can be computed again");
                                       },
                                       skip));
  std::string report = fmt::format(
      "run {}: rounds {} to {} computed again from their ballots: every decision and fingerprint is the same; "
      "fingerprint {} after round {}\n{}{}",
      run.run(), begin + 1, state.tally.round(), state.tally.fingerprint().Hex(), state.tally.round(), skipped,
      compared);
  if (end && !end->torn.empty()) report += fmt::format("not looked at, cut short: {}\n", end->torn);
  return report;
}

absl::StatusOr<std::string> RecoverFrom(const std::string& directory, const std::string& checkpoint, Disk& disk) {
  ASSIGN_OR_RETURN(const auto lock, LockRun(disk, directory));
  RETURN_IF_ERROR(TidyUp(disk, directory));
  ASSIGN_OR_RETURN(const Layout layout, LayoutOf(disk, directory));
  std::string name = checkpoint;
  while (name.ends_with('/')) name.pop_back();
  name = name.substr(name.rfind('/') + 1);
  std::optional<uint64_t> chosen;
  std::string known;
  for (uint64_t round : layout.checkpoints) {
    const std::string path = CheckpointPath(directory, round);
    if (path.ends_with("/" + name)) chosen = round;
    known += (known.empty() ? "" : ", ") + path;
  }
  if (!chosen) return Error(absl::StatusCode::kNotFound, "no checkpoint is called {}; there are {}", checkpoint, known);
  RETURN_IF_ERROR(LoadCheckpoint(disk, directory, *chosen).status());

  std::string report;
  for (uint64_t round : layout.checkpoints) {
    if (round <= *chosen) continue;
    RETURN_IF_ERROR(PutAside(disk, CheckpointsDirectory(directory), CheckpointPath(directory, round), &report));
  }
  RETURN_IF_ERROR(disk.SyncDirectory(CheckpointsDirectory(directory)));
  size_t first = CoveringSegment(layout, *chosen);
  if (first == layout.segments.size()) first = 0;  // all of them begin after it
  for (size_t i = first; i < layout.segments.size(); ++i) {
    RETURN_IF_ERROR(PutAside(disk, JournalDirectory(directory), SegmentPath(directory, layout.segments[i]), &report));
  }
  RETURN_IF_ERROR(disk.SyncDirectory(JournalDirectory(directory)));
  return report + fmt::format("the run goes on from {}, after round {}\n", CheckpointPath(directory, *chosen), *chosen);
}

}  // namespace signvote
