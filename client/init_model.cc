#include "client/init_model.h"

#include "client/model/builtin.h"
#include "client/model/import.h"
#include "client/model/threads.h"
#include "common/status.h"

namespace signvote {

absl::Status InitModel(const InitModelOptions& options) {
  if (options.model.empty() == options.torchscript.empty()) {
    return InvalidArgument("give one of --model and --torchscript");
  }
  if (!options.torchscript.empty() && options.seed.has_value()) {
    return InvalidArgument("--seed is for --model: the parameters of --torchscript are taken as they are");
  }
  StartTorch(1);
  const absl::StatusOr<ModelBundle> bundle = options.torchscript.empty()
                                                 ? MakeBuiltin(options.model, options.seed.value_or(0))
                                                 : ImportTorchScript(options.torchscript);
  if (absl::IsInvalidArgument(bundle.status())) {  // of the file, not of the command line
    return Error(absl::StatusCode::kDataLoss, "{}", Message(bundle.status()));
  }
  RETURN_IF_ERROR(bundle.status());
  RETURN_IF_ERROR(WriteBundle(options.out, *bundle));
  fmt::print("{}: {} parameters in {} tensors\n", options.out, bundle->parameters.values.size(),
             bundle->parameters.tensors.size());
  return absl::OkStatus();
}

}  // namespace signvote
