#include "client/model/import.h"

#include <sstream>

#include "client/model/module_impl.h"
#include "common/files.h"

namespace signvote {
namespace {

// What is declared to be no tensor; what is not declared shows when it is computed.
absl::Status CheckResult(const torch::jit::Module& module) {
  const auto& results = module.get_method("forward").function().getSchema().returns();
  const c10::TypePtr type = results.size() == 1 ? results[0].type() : c10::NoneType::get();
  if (c10::TensorType::get()->isSubtypeOf(*type)) return absl::OkStatus();
  return NoOneTensor(type->repr_str());
}

// What no client could train with.
absl::Status CheckMethods(const torch::jit::Module& module, const std::string& path) {
  const bool has_loss = module.find_method("loss").has_value();
  if (!has_loss && !module.find_method("forward").has_value()) {
    return InvalidArgument(
        "{}: the module has neither a method forward(self, inputs: Tensor) nor loss(self, batch: Tuple[Tensor, "
        "Tensor]), so there is nothing to train by: mark one with @torch.jit.export",
        path);
  }
  if (has_loss) return Annotate(CheckLossSignature(module), path);
  RETURN_IF_ERROR(Annotate(CheckForwardSignature(module), path));
  return Annotate(CheckResult(module), path);
}

absl::StatusOr<Tensors> CheckedParametersOf(const torch::jit::Module& module, const std::string& path) {
  Tensors tensors;
  for (const auto& [name, value] : ParametersOf(module)) {
    if (value.scalar_type() != torch::kFloat32) {
      return InvalidArgument("{}: parameter {} is {}, expected float32", path, name,
                             c10::toString(value.scalar_type()));
    }
    if (!value.requires_grad()) {
      return InvalidArgument("{}: parameter {} is frozen (requires_grad is false): make it a buffer", path, name);
    }
    const torch::Tensor dense = value.detach().contiguous();
    tensors.tensors.push_back({name, {dense.sizes().begin(), dense.sizes().end()}});
    const float* values = dense.data_ptr<float>();
    tensors.values.insert(tensors.values.end(), values, values + dense.numel());
  }
  if (tensors.values.empty()) {
    return InvalidArgument(
        "{}: the module has no parameters, so there is nothing to train: was it saved after torch.jit.freeze, or "
        "optimize_for_inference? Save what torch.jit.script or torch.jit.trace gave",
        path);
  }
  return tensors;
}

}  // namespace

absl::StatusOr<ModelBundle> ImportTorchScript(const std::string& path) {
  ModelBundle bundle;
  ASSIGN_OR_RETURN(bundle.module, ReadFile(path));
  bundle.module_sha256 = Sha256(bundle.module);
  const std::string doing = path + " is not a TorchScript module (torch.jit.script(module).save(...))";
  auto parameters = CatchTorch(doing.c_str(), [&]() -> absl::StatusOr<Tensors> {
    std::istringstream stream(bundle.module);
    const torch::jit::Module module = torch::jit::load(stream, torch::kCPU);
    RETURN_IF_ERROR(CheckMethods(module, path));
    return CheckedParametersOf(module, path);
  });
  if (!parameters.ok()) return parameters.status();
  bundle.parameters = *std::move(parameters);
  return bundle;
}

absl::StatusOr<std::string> WithParameters(const std::string& module, Tensors* parameters) {
  ASSIGN_OR_RETURN(const auto loaded, Module::Load(module, parameters->tensors, parameters->values, {}));
  return CatchTorch("the module cannot be saved", [&]() -> absl::StatusOr<std::string> {
    loaded->impl().module.eval();
    const OwnStorages own(&loaded->impl().parameters);
    std::ostringstream out;
    loaded->impl().module.save(out);
    return out.str();
  });
}

}  // namespace signvote
