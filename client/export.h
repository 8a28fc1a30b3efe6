// `signvote-client export`: TorchScript with trained parameters.
#pragma once

#include <absl/status/status.h>

#include <string>

namespace signvote {

struct ExportOptions {
  std::string model;       // directory of the bundle: its model.pt is the module
  std::string parameters;  // safetensors of all its parameters, as `signvotectl export` and unsharded checkpoints have
  std::string out;         // file
};

// NOT_FOUND, INVALID_ARGUMENT (the parameters are not the module's), or as writing files; prints what was written.
absl::Status Export(const ExportOptions& options);

}  // namespace signvote
