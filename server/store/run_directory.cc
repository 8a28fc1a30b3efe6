#include "server/store/run_directory.h"

#include <random>

#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

class CheckpointStore final : public Store {
 public:
  CheckpointStore(std::string directory, RunSetup setup) : directory_(std::move(directory)), setup_(std::move(setup)) {}

  absl::Status Append(std::span<const v1::JournalRecord>) override { return absl::OkStatus(); }
  bool wants_ballots() const override { return false; }
  bool wants_decisions() const override { return false; }
  absl::StatusOr<std::string> WriteCheckpoint(const Checkpoint& checkpoint) override {
    const std::string path = fmt::format("{}/checkpoints/round-{:08}", directory_, checkpoint.round);
    RETURN_IF_ERROR(MakeDirectories(path));
    RETURN_IF_ERROR(WriteSafetensors(path + "/params.safetensors", setup_.tensors, checkpoint.parameters,
                                     {{"round", std::to_string(checkpoint.round)}}));
    return path;
  }

 private:
  std::string directory_;
  RunSetup setup_;
};

}  // namespace

absl::StatusOr<OpenedRun> OpenRun(const std::string& directory, const RunSetup& setup,
                                  std::vector<float> initial_parameters, const ParallelFor&) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  std::random_device device;
  return OpenedRun{.run = fmt::format("{:08x}{:08x}", device(), device()),
                   .tally = Tally(setup.vote, setup.range, std::move(initial_parameters)),
                   .registry = {},
                   .step_size = 0,
                   .store = std::make_unique<CheckpointStore>(directory, setup),
                   .report = ""};
}

}  // namespace signvote
