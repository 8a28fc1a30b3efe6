// A voter's work: its share of the data, and the gradient of a minibatch of it as packed signs.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/data/formats.h"
#include "client/data/minibatch.h"
#include "client/model/gradient.h"
#include "client/model/sign_packing.h"
#include "client/options.h"

namespace signvote {

// Not thread-safe.
class Trainer {
 public:
  // Reads the data set and takes this client's share of it.
  static absl::StatusOr<std::unique_ptr<Trainer>> Make(const ClientOptions& options);

  const Dataset& dataset() const { return dataset_; }

  // `parameters` is read by every gradient from now on: it outlives the next LoadModel.
  absl::Status LoadModel(const std::string& bytes, std::span<const TensorShape> tensors, std::span<float> parameters);

  // Local work: so many SGD steps, a minibatch each.
  struct LocalWork {
    uint32_t steps = 1;
    float step_size = 0;
  };
  // Computes the gradient of (client, round) on the parameters as they are, and keeps it. With several steps it is the
  // mean of their gradients, hence the displacement but for its length and sign; the parameters are afterwards what
  // they were. FAILED_PRECONDITION: no model yet. INVALID_ARGUMENT: model and data do not fit together.
  absl::Status ComputeGradient(uint64_t client_id, uint64_t round, const LocalWork& work);

  struct Vote {
    uint64_t client_id = 0;
    uint64_t round = 0;
    uint64_t seed = 0;  // of the run
    float dither = 0;
    float magnitude = 0;  // running mean of this client's gradients; 0: unknown
  };
  // Ready to pack the kept gradient, which stays until the packer is done. OUT_OF_RANGE: it is not finite.
  // INVALID_ARGUMENT: as PackOnDevice.
  absl::StatusOr<SignPacker> MakePacker(const Vote& vote) const;

 private:
  explicit Trainer(const ClientOptions& options) : options_(options) {}
  // Of the `batch` samples from key.first on.
  absl::Status Gradient(const DrawKey& key, uint32_t batch, uint64_t module_seed, std::span<float> gradient);

  const ClientOptions options_;
  Dataset dataset_;
  std::vector<uint32_t> share_;
  std::vector<TensorShape> tensors_;
  std::unique_ptr<Module> module_;
  std::span<float> parameters_;
  std::vector<float> gradient_;
  bool fits_ = false;       // the data were found to fit the module
  bool on_device_ = false;  // the kept gradient is where the module is, and not in gradient_
  Batch batch_;             // reused
};

}  // namespace signvote
