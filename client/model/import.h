// A bundle from a user's own TorchScript file, and TorchScript with the parameters of a run.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "common/bundle.h"

namespace signvote {

// The parameters as they are in the file, in the module's order. NOT_FOUND, or INVALID_ARGUMENT: not TorchScript; no
// parameters; one is not float32 or frozen; or no method to train by, or one of another signature.
absl::StatusOr<ModelBundle> ImportTorchScript(const std::string& path);

// The bytes of the same module in evaluation mode with these values, whose vector is only borrowed. As Module::Load.
absl::StatusOr<std::string> WithParameters(const std::string& module, Tensors* parameters);

}  // namespace signvote
