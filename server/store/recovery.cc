#include "server/store/recovery.h"

#include "common/files.h"
#include "common/status.h"
#include "server/store/round_config.h"
#include "server/store/segment_reader.h"

namespace signvote {
namespace {

absl::Status Mismatch(const std::string& directory, const std::string& what) {
  return Error(absl::StatusCode::kFailedPrecondition,
               "{} belongs to another run: {}; give this run a directory of its own, or go back to what that one was "
               "started with",
               directory, what);
}

absl::Status CheckIdentity(const std::string& directory, const v1::RunRecord& found, const v1::RunRecord& expected) {
  if (found.parameters() != expected.parameters()) {
    return Mismatch(directory,
                    fmt::format("its model has {} parameters, this one {}", found.parameters(), expected.parameters()));
  }
  if (found.model_sha256() != expected.model_sha256()) {
    return Mismatch(directory, fmt::format("its model.pt has SHA-256 {}, this one {}", Hex(found.model_sha256()),
                                           Hex(expected.model_sha256())));
  }
  if (found.first_block() != expected.first_block() || found.blocks() != expected.blocks()) {
    return Mismatch(directory, fmt::format("it holds {} blocks from block {} on, expected {} from {}", found.blocks(),
                                           found.first_block(), expected.blocks(), expected.first_block()));
  }
  if (found.config() != expected.config()) return Mismatch(directory, DifferenceOf(found.config(), expected.config()));
  return absl::OkStatus();
}

absl::Status WithAdvice(const absl::Status& status, const std::string& directory, uint64_t round) {
  if (!absl::IsDataLoss(status)) return status;
  return Error(
      absl::StatusCode::kDataLoss,
      "{}. Restore the file from a copy; or give up what follows round {} and go on from there: signvote-server "
      "recover {} --from {}",
      Message(status), round, directory, CheckpointPath(directory, round));
}

}  // namespace

std::string MissingRounds(uint64_t last, uint64_t after) {
  return fmt::format("rounds {} to {} are in no journal segment", last + 1, after);
}

absl::StatusOr<SegmentEnd> ReadSegment(Disk& disk, const std::string& directory, uint64_t after_round,
                                       const v1::RunRecord& run,
                                       const std::function<absl::Status(const JournalAppend&)>& visit) {
  const std::string path = SegmentPath(directory, after_round);
  ASSIGN_OR_RETURN(const std::unique_ptr<SegmentReader> reader, SegmentReader::Open(disk, path, after_round));
  if (reader->run().run() != run.run()) {
    return Mismatch(path,
                    fmt::format("it was written by run {}, the checkpoint by {}", reader->run().run(), run.run()));
  }
  RETURN_IF_ERROR(CheckIdentity(path, reader->run(), run));
  SegmentEnd end{.position = reader->position(), .round = after_round, .first_append = reader->position().append};
  while (true) {
    ASSIGN_OR_RETURN(const auto bodies, reader->Next());
    if (!bodies) break;
    auto annotated = [&](const absl::Status& status) {
      return Annotate(status, fmt::format("{} at byte {}", path, reader->append_begins()));
    };
    const absl::StatusOr<std::optional<uint64_t>> round = RoundOf(*bodies);
    if (!round.ok()) return annotated(round.status());
    if (*round && **round != end.round + 1) {
      return annotated(Error(absl::StatusCode::kDataLoss, "round {} follows round {}", **round, end.round));
    }
    if (absl::Status status = visit({*bodies, *round, end.round}); !status.ok()) return annotated(status);
    if (*round) end.round = **round;
  }
  end.position = reader->position();
  end.torn = reader->torn();
  return end;
}

absl::StatusOr<std::optional<SegmentEnd>> ReadJournal(
    Disk& disk, const std::string& directory, const std::vector<uint64_t>& segments, size_t first,
    const v1::RunRecord& run, const std::function<absl::Status(const JournalAppend&)>& visit,
    const std::function<absl::Status(uint64_t last, uint64_t after)>& skip) {
  std::optional<SegmentEnd> end;
  for (size_t i = first; i < segments.size(); ++i) {
    const std::string path = SegmentPath(directory, segments[i]);
    if (end && end->round < segments[i] && end->torn.empty()) {
      if (!skip) return Error(absl::StatusCode::kDataLoss, "{}: {}", path, MissingRounds(end->round, segments[i]));
      RETURN_IF_ERROR(skip(end->round, segments[i]));
      end.reset();
    }
    ASSIGN_OR_RETURN(SegmentEnd next, ReadSegment(disk, directory, segments[i], run, visit));
    if (end && (end->round != segments[i] || end->position.append != next.first_append || !end->torn.empty())) {
      return Error(absl::StatusCode::kDataLoss,
                   "{} ends after round {}, append {}, {}; {} goes on after round {}, append {}",
                   SegmentPath(directory, segments[i - 1]), end->round, end->position.append,
                   end->torn.empty() ? "whole" : "with " + end->torn, path, segments[i], next.first_append);
    }
    end = std::move(next);
  }
  return end;
}

absl::StatusOr<RunState> StateOf(const VoteOptions& vote, LoadedCheckpoint loaded) {
  const BlockRange range = RangeOf(loaded.run);
  RunState state{
      .tally = Tally(vote, range, {}, loaded.tensors), .registry = {}, .step_size = loaded.checkpoint.step_size};
  RETURN_IF_ERROR(
      state.tally.Restore(loaded.checkpoint.round, std::move(loaded.checkpoint.parameters), loaded.checkpoint.learnt));
  RETURN_IF_ERROR(state.registry.Restore(loaded.checkpoint.clients));
  // An eviction counts from the checkpoint on, even where it was saved before it reached the electorate.
  for (const auto& [name, client] : state.registry.clients()) {
    state.tally.electorate().SetEvicted(client.id, client.evicted);
  }
  return state;
}

absl::StatusOr<Recovered> Recover(Disk& disk, const std::string& directory, const v1::RunRecord& expected,
                                  const VoteOptions& vote, const ParallelFor& parallel) {
  ASSIGN_OR_RETURN(const Layout layout, ReadLayout(disk, directory));
  std::vector<std::string> notes;
  for (size_t i = layout.checkpoints.size(); i-- > 0;) {
    const uint64_t round = layout.checkpoints[i];
    absl::StatusOr<LoadedCheckpoint> loaded = LoadCheckpoint(disk, directory, round);
    if (absl::IsDataLoss(loaded.status())) {
      notes.push_back(fmt::format("the checkpoint of round {} was skipped: {}", round, Message(loaded.status())));
      continue;
    }
    if (!loaded.ok()) return loaded.status();
    RETURN_IF_ERROR(CheckIdentity(directory, loaded->run, expected));

    const v1::RunRecord run = loaded->run;
    std::vector<TensorShape> tensors = loaded->tensors;
    ASSIGN_OR_RETURN(RunState state, StateOf(vote, *std::move(loaded)));
    Recovered recovered{std::move(state), run, std::move(tensors), round, 0, true, std::nullopt, {}, std::move(notes)};
    const size_t covering = CoveringSegment(layout, round);
    if (covering == layout.segments.size() && covering > 0) {
      return WithAdvice(Error(absl::StatusCode::kDataLoss, "no journal segment goes on after round {}, the first is {}",
                              round, SegmentPath(directory, layout.segments.front())),
                        directory, round);
    }
    Replay replay(&recovered.state, run.config(), parallel);
    RecentRounds recent(kRecentRounds);
    auto end = ReadJournal(disk, directory, layout.segments, covering, run, [&](const JournalAppend& append) {
      RETURN_IF_ERROR(recent.Add(append.bodies));
      // What the checkpoint knows already.
      if (append.after_round < recovered.state.tally.round()) return absl::OkStatus();
      return replay.Play(append.bodies);
    });
    std::string skipped;
    for (const std::string& note : recovered.notes) skipped += note + "; ";
    if (!end.ok())
      return WithAdvice(absl::Status(end.status().code(), skipped + Message(end.status())), directory, round);
    if (recovered.state.tally.round() < layout.checkpoints.back()) {
      return WithAdvice(
          Error(absl::StatusCode::kDataLoss, "{}the journal after that of round {} leads to round {} only", skipped,
                round, recovered.state.tally.round()),
          directory, round);
    }
    if (*end && !(*end)->torn.empty()) {
      recovered.notes.push_back(
          fmt::format("an append that was cut short before it was durable was removed: {}", (*end)->torn));
    }
    recovered.end = *std::move(end);
    recovered.rounds = replay.rounds();
    recovered.recent = recent.Take(recovered.state.tally.round(), recovered.state.tally.fingerprint());
    recovered.is_exact = replay.is_exact();
    return recovered;
  }
  std::string why = "it has a journal and no checkpoint";
  if (!notes.empty()) why = "no checkpoint is whole";
  for (const std::string& note : notes) why += "; " + note;
  return Error(absl::StatusCode::kDataLoss, "{}: {}. Restore one from a copy, or give the run a new directory",
               directory, why);
}

}  // namespace signvote
