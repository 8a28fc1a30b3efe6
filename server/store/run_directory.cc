#include "server/store/run_directory.h"

#include <filesystem>
#include <random>

#include "common/status.h"
#include "server/store/checkpoint.h"
#include "server/store/layout.h"
#include "server/store/recovery.h"
#include "server/store/run_store.h"

namespace signvote {
namespace {

v1::RunRecord IdentityOf(const RunSetup& setup) {
  v1::RunRecord run;
  run.set_config(setup.config);
  run.set_model_sha256(setup.model_sha256);
  run.set_parameters(setup.range.parameters);
  run.set_first_block(setup.range.first);
  run.set_blocks(setup.range.count);
  return run;
}

absl::Status MakePlaces(Disk& disk, const std::string& directory) {
  for (const std::string& place : {CheckpointsDirectory(directory), JournalDirectory(directory)}) {
    RETURN_IF_ERROR(disk.MakeDirectories(place));
    RETURN_IF_ERROR(disk.SyncDirectory(place));  // names that are found need not be durable
  }
  // Each directory on the way may be new, now or since a start that crashed, and its name is its parent's to keep.
  // Those that may not be opened were there before.
  std::filesystem::path place = directory + "/.";
  do {
    place = place.parent_path();
    const absl::Status status = disk.SyncDirectory(place.empty() ? "." : place.string());
    if (!status.ok() && !absl::IsPermissionDenied(status)) return status;
  } while (!place.empty() && place != place.root_path());
  return absl::OkStatus();
}

Checkpoint CheckpointOf(const Tally& tally, const Registry& registry, float step_size) {
  Checkpoint checkpoint{.round = tally.round(),
                        .parameters = {tally.parameters().begin(), tally.parameters().end()},
                        .learnt = {},
                        .clients = {},
                        .step_size = step_size};
  tally.Save(&checkpoint.learnt);
  registry.Save(&checkpoint.clients);
  return checkpoint;
}

// A new run begins as an old one goes on: with a checkpoint, of round 0.
absl::Status Found(Disk& disk, const std::string& directory, const RunSetup& setup,
                   std::span<const TensorShape> tensors, std::vector<float> parameters) {
  const uint64_t coordinates = Coordinates(tensors);
  if (parameters.size() != setup.range.Coordinates() || coordinates != parameters.size()) {
    return InvalidArgument("{} initial parameters in tensors of {}: expected {} of each", parameters.size(),
                           coordinates, setup.range.Coordinates());
  }
  std::random_device device;
  v1::RunRecord run = IdentityOf(setup);
  run.set_run(fmt::format("{:08x}{:08x}", device(), device()));
  const Tally tally(setup.vote, setup.range, std::move(parameters), tensors);
  return SaveCheckpoint(disk, directory, run, tensors, CheckpointOf(tally, Registry(), 0));
}

// The journal goes on where it ended, less what was cut short; at a checkpoint it begins another segment.
absl::StatusOr<std::unique_ptr<SegmentWriter>> TakeUpJournal(Disk& disk, const std::string& directory,
                                                             const Recovered& recovered) {
  const uint64_t round = recovered.state.tally.round();
  if (!recovered.end) return SegmentWriter::Create(&disk, directory, round, 0, recovered.run);
  const SegmentWriter::Position& position = recovered.end->position;
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentWriter> writer, SegmentWriter::Continue(&disk, directory, position));
  if (recovered.rounds > 0 || position.after_round == round) return writer;
  return SegmentWriter::Create(&disk, directory, round, position.append, recovered.run);
}

std::string ReportOf(const Recovered& recovered) {
  std::string report = fmt::format("recovered round {} of run {}: the checkpoint of round {}",
                                   recovered.state.tally.round(), recovered.run.run(), recovered.checkpoint);
  if (recovered.rounds > 0) report += fmt::format(" and {} rounds of the journal", recovered.rounds);
  if (!recovered.is_exact) {
    report += fmt::format("; they have no ballots, so what was learnt of the voters is that of round {}",
                          recovered.checkpoint);
  }
  for (const std::string& note : recovered.notes) report += "; " + note;
  return report;
}

}  // namespace

absl::StatusOr<OpenedRun> OpenRun(Disk& disk, const std::string& directory, const RunSetup& setup,
                                  std::vector<float> initial_parameters, const ParallelFor& parallel) {
  RETURN_IF_ERROR(ValidateVoteOptions(setup.vote));
  RETURN_IF_ERROR(MakePlaces(disk, directory));
  ASSIGN_OR_RETURN(std::unique_ptr<Disk::Lock> lock, disk.LockFile(directory + "/lock"));
  RETURN_IF_ERROR(TidyUp(disk, directory));
  ASSIGN_OR_RETURN(const Layout layout, ReadLayout(disk, directory));
  const bool is_new = layout.checkpoints.empty() && layout.segments.empty();
  if (is_new) {
    const std::vector<TensorShape> tensors = TensorsOf(setup.tensors, setup.range);
    RETURN_IF_ERROR(Found(disk, directory, setup, tensors, std::move(initial_parameters)));
  }

  ASSIGN_OR_RETURN(Recovered recovered, Recover(disk, directory, IdentityOf(setup), setup.vote, parallel));
  ASSIGN_OR_RETURN(std::unique_ptr<SegmentWriter> writer, TakeUpJournal(disk, directory, recovered));
  auto store = std::make_unique<RunStore>(
      &disk, RunStore::Options{directory, recovered.run, recovered.tensors, setup.durability, setup.keep},
      std::move(lock), std::move(writer));
  RunState& state = recovered.state;
  // From here on ballots count on what was learnt as it is now, which the journal alone does not lead to.
  if (store->wants_ballots() && !recovered.is_exact) {
    RETURN_IF_ERROR(store->WriteCheckpoint(CheckpointOf(state.tally, state.registry, state.step_size)).status());
    store->Rotate(state.tally.round());
  }
  return OpenedRun{.run = recovered.run.run(),
                   .tally = std::move(state.tally),
                   .registry = std::move(state.registry),
                   .step_size = state.step_size,
                   .recent = std::move(recovered.recent),
                   .store = std::move(store),
                   .report = is_new ? "" : ReportOf(recovered)};
}

absl::StatusOr<OpenedRun> OpenRun(const std::string& directory, const RunSetup& setup,
                                  std::vector<float> initial_parameters, const ParallelFor& parallel) {
  return OpenRun(PosixDisk(), directory, setup, std::move(initial_parameters), parallel);
}

}  // namespace signvote
