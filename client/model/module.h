// A TorchScript module whose parameters are one flat float32 vector, in the order of the bundle's tensors. Headers here
// hide LibTorch: only this directory includes it, and client/data/tensors.cc.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/bundle.h"
#include "common/safetensors.h"

namespace signvote {

inline constexpr uint32_t kMicroBatch = 256;

struct ModuleOptions {
  std::string device = "cpu";  // or "cuda", "cuda:N"
  // Samples in one forward and backward pass; bounds memory. 0: kMicroBatch, but a gradient of the module's own loss
  // takes its batch whole, since such a loss may compare the samples of a batch.
  uint32_t micro_batch = 0;
  uint32_t EvaluationPass() const { return micro_batch != 0 ? micro_batch : kMicroBatch; }
  // One of kLosses, or kOwnLoss: the module's own method `loss`. Empty: that method where there is one, else
  // cross_entropy.
  std::string loss;
};

// INVALID_ARGUMENT: no such device on this machine (names what is there).
absl::Status CheckDevice(const std::string& device);

// Not thread-safe.
class Module {
 public:
  // `bytes` is model.pt. On the CPU the module's parameters are views into `parameters`: what is written there is what
  // the next pass sees. The vector outlives the module and has the sum of the tensors' coordinates.
  // INVALID_ARGUMENT: not TorchScript, or its parameters are not `tensors` (names which), or no such device, or
  // neither method that `loss` needs.
  static absl::StatusOr<std::unique_ptr<Module>> Load(const std::string& bytes, std::span<const TensorShape> tensors,
                                                      std::span<float> parameters, const ModuleOptions& options);
  ~Module();

  bool IsOnCpu() const;
  bool HasForward() const;

  struct Impl;  // module_impl.h
  Impl& impl() { return *impl_; }

 private:
  explicit Module(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace signvote
