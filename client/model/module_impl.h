// What module.h hides. Only for this directory.
#pragma once

#include <torch/script.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "client/model/module.h"
#include "common/status.h"

namespace signvote {

struct Module::Impl {
  torch::jit::Module module;
  torch::Device device = torch::kCPU;
  std::span<const float> source;          // the caller's parameters
  torch::Tensor flat;                     // the parameters on the device; on the CPU, a view of `source`
  torch::Tensor flat_gradient;            // the parameters' gradients are views of it
  std::string loss;                       // one of ModuleOptions::loss, never empty
  std::vector<torch::Tensor> parameters;  // views of `flat`, in the order of the coordinates
  std::vector<std::string> names;         // of the parameters
  size_t gradient_pass = 0;               // samples in one pass, at most: of a gradient, ...
  size_t evaluation_pass = 0;             // ... and where nothing is trained

  // Brings the caller's parameters to the device.
  void Refresh();
};

// While it lives each parameter has a storage of its own instead of being a view: a view is saved with all that it is a
// view of, and a copy of a module takes all views of one tensor for one and the same.
class OwnStorages {
 public:
  explicit OwnStorages(std::vector<torch::Tensor>* parameters);
  ~OwnStorages();
  OwnStorages(const OwnStorages&) = delete;
  OwnStorages& operator=(const OwnStorages&) = delete;

 private:
  std::vector<torch::Tensor>* const parameters_;
  std::vector<torch::Tensor> views_;
};

struct NamedParameter {
  std::string name;
  torch::Tensor value;
};

// The parameters of a module in its order; one that goes by several names, as tied weights do, comes once, by the
// first.
std::vector<NamedParameter> ParametersOf(const torch::jit::Module& module);

// Neither absence nor presence of a method is an error here. INVALID_ARGUMENT: `loss` is there and does not take one
// Tuple[Tensor, Tensor]; `forward` is there and does not take one Tensor. Both name the signature.
absl::Status CheckLossSignature(const torch::jit::Module& module);
absl::Status CheckForwardSignature(const torch::jit::Module& module);

// INVALID_ARGUMENT: what `forward` gives, or is declared to give, is of another type.
inline absl::Status NoOneTensor(const std::string& type) {
  return InvalidArgument("the module's forward gives a {}, expected one tensor: let it return the outputs alone", type);
}

// Of batch normalisation, by the name of a buffer.
inline bool IsRunningStatistic(const std::string& name) {
  return name.ends_with("running_mean") || name.ends_with("running_var");
}

// TorchScript's messages are a page long, with the cause in the last line and LibTorch's stack below it.
std::string CauseOf(const std::exception& error);

// Calls `body`, a function that returns a Status or StatusOr; LibTorch's exceptions become INVALID_ARGUMENT that starts
// with `doing`.
template <typename Body>
auto CatchTorch(const char* doing, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& error) {
    return InvalidArgument("{}: {}", doing, CauseOf(error));
  }
}

}  // namespace signvote
