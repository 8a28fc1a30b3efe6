// `signvote-client init-model`: writes a model bundle.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <optional>
#include <string>

namespace signvote {

struct InitModelOptions {
  std::string model;             // a built-in, or ...
  std::string torchscript;       // ... a user's file
  std::string out;               // directory
  std::optional<uint64_t> seed;  // of a built-in; 0 where absent
};

// INVALID_ARGUMENT: the options. NOT_FOUND, DATA_LOSS: the file is missing or no model to train. Or as writing files.
// Prints what was written.
absl::Status InitModel(const InitModelOptions& options);

}  // namespace signvote
