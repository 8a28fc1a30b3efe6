// From what a client keeps to what a module takes: float32 or int64, normalised, augmented where asked.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "client/data/dataset.h"
#include "client/data/minibatch.h"

namespace signvote {

struct Augmentation {
  uint32_t crop = 0;  // pad by this many black pixels on each side, then cut the original size at a random place
  bool flip = false;  // mirror left and right, half of the time

  bool IsNone() const { return crop == 0 && !flip; }
};

struct BatchColumn {
  std::vector<uint64_t> shape;  // of one sample
  std::variant<std::vector<float>, std::vector<int64_t>> values;
};

struct Batch {
  size_t size = 0;  // samples
  BatchColumn inputs;
  BatchColumn targets;
};

// INVALID_ARGUMENT: augmentation of what is no image (bytes of channels x height x width).
absl::Status ValidateAugmentation(const Dataset& dataset, const Augmentation& augmentation);

// Reuses the vectors of `out`.
void MakeBatch(const Dataset& dataset, std::span<const uint32_t> samples, Batch* out);

// The same with augmentation; sample i draws from element first + i of Key(seed, kAugment, client_id, round).
void MakeAugmentedBatch(const Dataset& dataset, std::span<const uint32_t> samples, const Augmentation& augmentation,
                        const DrawKey& key, Batch* out);

}  // namespace signvote
