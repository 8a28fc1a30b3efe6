#include "common/bundle.h"

#include <cmath>

#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

std::string ModulePath(const std::string& directory) { return directory + "/model.pt"; }
std::string ParametersPath(const std::string& directory) { return directory + "/params.safetensors"; }

absl::Status CheckFinite(const Tensors& parameters) {
  size_t begin = 0;
  for (const TensorShape& tensor : parameters.tensors) {
    const size_t end = begin + tensor.Coordinates();
    for (size_t i = begin; i < end; ++i) {
      if (std::isfinite(parameters.values[i])) continue;
      return InvalidArgument("tensor {} is {} at index {}: expected finite numbers", tensor.name, parameters.values[i],
                             i - begin);
    }
    begin = end;
  }
  return absl::OkStatus();
}

absl::StatusOr<Tensors> ReadParameters(const std::string& path) {
  ASSIGN_OR_RETURN(Tensors parameters, ReadSafetensors(path));
  if (parameters.values.empty()) return InvalidArgument("{}: it holds no parameters", path);
  RETURN_IF_ERROR(Annotate(CheckFinite(parameters), path));
  return parameters;
}

// What is wrong with a file is wrong with the bundle, not with what the user said.
absl::Status AsDamage(const absl::Status& status) {
  return absl::IsInvalidArgument(status) ? Error(absl::StatusCode::kDataLoss, "{}", Message(status)) : status;
}

}  // namespace

absl::StatusOr<ModelBundle> ReadBundle(const std::string& directory) {
  ModelBundle bundle;
  ASSIGN_OR_RETURN(bundle.module, ReadFile(ModulePath(directory)));
  bundle.module_sha256 = Sha256(bundle.module);
  absl::StatusOr<Tensors> parameters = ReadParameters(ParametersPath(directory));
  if (!parameters.ok()) return AsDamage(parameters.status());
  bundle.parameters = *std::move(parameters);
  return bundle;
}

absl::StatusOr<std::vector<TensorShape>> ReadBundleShapes(const std::string& directory) {
  absl::StatusOr<Tensors> parameters = ReadSafetensorsHeader(ParametersPath(directory));
  if (!parameters.ok()) return AsDamage(parameters.status());
  return std::move(parameters->tensors);
}

absl::Status WriteBundle(const std::string& directory, const ModelBundle& bundle) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  RETURN_IF_ERROR(WriteFileAtomically(ModulePath(directory), bundle.module));
  return WriteSafetensors(ParametersPath(directory), bundle.parameters.tensors, bundle.parameters.values,
                          bundle.parameters.metadata);
}

}  // namespace signvote
