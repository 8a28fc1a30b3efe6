// Labelled images, kept as the bytes they came as: normalisation happens when a batch is made.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace signvote {

struct ImageShape {
  uint32_t channels = 0;
  uint32_t height = 0;
  uint32_t width = 0;

  size_t Pixels() const { return size_t{channels} * height * width; }  // of all channels
  bool operator==(const ImageShape&) const = default;
};

struct Dataset {
  std::string source;  // for messages: where it came from
  ImageShape shape;
  uint32_t classes = 0;
  std::vector<float> mean;       // of pixel / 255, one a channel
  std::vector<float> deviation;  // of pixel / 255, one a channel
  std::vector<uint8_t> images;   // size() * shape.Pixels() bytes: sample, channel, row, column
  std::vector<uint8_t> labels;   // each below `classes`

  size_t size() const { return labels.size(); }
  std::span<const uint8_t> Image(size_t sample) const {
    return {images.data() + sample * shape.Pixels(), shape.Pixels()};
  }
};

// INVALID_ARGUMENT: no samples, a label out of range (names the sample), or sizes that do not agree.
absl::Status ValidateDataset(const Dataset& dataset);

}  // namespace signvote
