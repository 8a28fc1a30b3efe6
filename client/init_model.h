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

// INVALID_ARGUMENT, NOT_FOUND, or as writing files; prints what was written.
absl::Status InitModel(const InitModelOptions& options);

}  // namespace signvote
