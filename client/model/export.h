// What an observer leaves for other programs: the model as it is now, and what it answers.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "client/data/dataset.h"
#include "client/model/module.h"

namespace signvote {

// Writes `directory`/model.pt (TorchScript in evaluation mode, with parameters and buffers as they are) and
// `directory`/params.safetensors (the parameters in the order of the coordinates, then the float32 buffers). Each file
// is whole at any time. Errors as writing files.
absl::Status ExportModel(Module& module, const std::string& directory,
                         const std::map<std::string, std::string>& metadata);

// Writes the outputs of the module in evaluation mode on the first samples, at most kMostPredictions, as
// float32 .npy. CANCELLED, or INVALID_ARGUMENT as MeanGradient. A module without forward has none: no file.
inline constexpr size_t kMostPredictions = 1000;
absl::Status ExportPredictions(Module& module, const Dataset& dataset, const std::string& file,
                               const std::function<bool()>& cancelled);

}  // namespace signvote
