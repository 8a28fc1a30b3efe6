// The models that `init-model --model` knows, made as TorchScript modules in C++.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/bundle.h"

namespace signvote {

// A model before it is a module: its parameters, and its forward function as TorchScript source.
struct ModelPlan {
  struct Parameter {
    enum class Start {
      kUniform,  // in +-1/sqrt(fan_in), as PyTorch starts convolutions and linear layers (kaiming_uniform, a = sqrt(5))
      kOne,
      kZero,
    };
    std::string name;
    std::vector<int64_t> shape;
    Start start = Start::kUniform;
    int64_t fan_in = 0;
  };

  std::vector<Parameter> parameters;
  std::string source;

  // NAME_weight and NAME_bias of a linear layer, or of a convolution with square kernels.
  void AddLinear(const std::string& name, int64_t from, int64_t to);
  void AddConvolution(const std::string& name, int64_t from, int64_t to, int64_t kernel, bool bias);
};

std::vector<std::string> BuiltinNames();

// The same seed gives the same parameters, on every version of LibTorch. INVALID_ARGUMENT: no such model (lists them).
absl::StatusOr<ModelBundle> MakeBuiltin(const std::string& name, uint64_t seed);

// CIFAR-10 ResNets of He et al. 2016 with 6n + 2 layers, shortcuts of option A, and batch normalisation that keeps no
// running statistics. In builtin_resnet.cc.
ModelPlan ResNet(int n);

}  // namespace signvote
