// From bytes to what a model takes: normalised float32 images, augmented where asked.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "client/data/dataset.h"
#include "client/data/minibatch.h"

namespace signvote {

struct Augmentation {
  uint32_t crop = 0;  // pad by this many black pixels on each side, then cut the original size at a random place
  bool flip = false;  // mirror left and right, half of the time
};

struct Batch {
  ImageShape shape;
  std::vector<float> images;  // size() * shape.Pixels(): sample, channel, row, column
  std::vector<int64_t> labels;

  size_t size() const { return labels.size(); }
};

// (pixel / 255 - mean) / deviation by channel. Reuses the vectors of `out`.
void MakeBatch(const Dataset& dataset, std::span<const uint32_t> samples, Batch* out);

// The same with augmentation; sample i draws from element i of Key(seed, kAugment, client_id, round).
void MakeAugmentedBatch(const Dataset& dataset, std::span<const uint32_t> samples, const Augmentation& augmentation,
                        const DrawKey& key, Batch* out);

}  // namespace signvote
