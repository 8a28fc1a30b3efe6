// A bundle from a user's own TorchScript file.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "common/bundle.h"

namespace signvote {

// The parameters as they are in the file, in the module's order. NOT_FOUND, or INVALID_ARGUMENT: not TorchScript; no
// parameters; one is not float32 or frozen; or it keeps running statistics, which no vote carries.
absl::StatusOr<ModelBundle> ImportTorchScript(const std::string& path);

}  // namespace signvote
