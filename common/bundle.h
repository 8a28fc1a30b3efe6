// A model bundle: a directory with `model.pt` (TorchScript, opaque here) and `params.safetensors` (initial parameters,
// names, shapes).
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "common/safetensors.h"

namespace signvote {

struct ModelBundle {
  std::string module;         // bytes of model.pt
  std::string module_sha256;  // 32 raw bytes
  Tensors parameters;
};

// NOT_FOUND: a file is missing. DATA_LOSS: the parameters are not well-formed, there are none, or one is not
// finite (names the tensor and index).
absl::StatusOr<ModelBundle> ReadBundle(const std::string& directory);

// The tensors, by the header of the parameters alone. As ReadBundle.
absl::StatusOr<std::vector<TensorShape>> ReadBundleShapes(const std::string& directory);

// Creates the directory where needed and writes both files atomically.
absl::Status WriteBundle(const std::string& directory, const ModelBundle& bundle);

}  // namespace signvote
