#include "client/export.h"

#include <string_view>

#include "client/model/import.h"
#include "client/model/threads.h"
#include "common/files.h"
#include "common/safetensors.h"
#include "common/status.h"

namespace signvote {

absl::Status Export(const ExportOptions& options) {
  StartTorch(1);
  ASSIGN_OR_RETURN(const std::string module, ReadFile(options.model + "/model.pt"));
  ASSIGN_OR_RETURN(Tensors parameters, ReadSafetensors(options.parameters));
  const absl::StatusOr<std::string> trained = WithParameters(module, &parameters);
  if (!trained.ok())
    return Annotate(trained.status(), fmt::format("{} and {}/model.pt", options.parameters, options.model));
  const std::string_view part = *trained;
  RETURN_IF_ERROR(WriteFileAtomically(options.out, {&part, 1}));
  const auto round = parameters.metadata.find("round");
  fmt::print("{}: TorchScript with the {} parameters of {}{}\n", options.out, parameters.values.size(),
             options.parameters, round == parameters.metadata.end() ? "" : ", round " + round->second);
  return absl::OkStatus();
}

}  // namespace signvote
