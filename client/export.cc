#include "client/export.h"

#include "client/model/import.h"
#include "client/model/module.h"
#include "client/model/running_statistics.h"
#include "client/model/threads.h"
#include "common/files.h"
#include "common/safetensors.h"
#include "common/status.h"

namespace signvote {

namespace {

// No vote carries running statistics, and here are no data to measure them on.
void WarnOfStatistics(const std::string& module, Tensors* parameters, const std::string& out) {
  const auto loaded = Module::Load(module, parameters->tensors, parameters->values, {});
  if (!loaded.ok() || !HasRunningStatistics(**loaded)) return;
  fmt::print(stderr,
             "signvote-client: warning: {} has batch normalisation with the running statistics of the untrained model, "
             "which no vote trains: measure them on training data before it is used "
             "(torch.optim.swa_utils.update_bn), or take the model that an observer exports (evaluate.export)\n",
             out);
}

}  // namespace

absl::Status Export(const ExportOptions& options) {
  StartTorch(1);
  ASSIGN_OR_RETURN(const std::string module, ReadFile(options.model + "/model.pt"));
  ASSIGN_OR_RETURN(Tensors parameters, ReadSafetensors(options.parameters));
  const absl::StatusOr<std::string> trained = WithParameters(module, &parameters);
  if (!trained.ok())
    return Annotate(trained.status(), fmt::format("{} and {}/model.pt", options.parameters, options.model));
  RETURN_IF_ERROR(WriteFileAtomically(options.out, *trained));
  WarnOfStatistics(module, &parameters, options.out);
  const auto round = parameters.metadata.find("round");
  fmt::print("{}: TorchScript with the {} parameters of {}{}\n", options.out, parameters.values.size(),
             options.parameters, round == parameters.metadata.end() ? "" : ", round " + round->second);
  return absl::OkStatus();
}

}  // namespace signvote
