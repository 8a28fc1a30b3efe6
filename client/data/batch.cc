#include "client/data/batch.h"

#include <array>

#include "common/random.h"

namespace signvote {
namespace {

// Normalised values of the 256 bytes, by channel.
class Normalisation {
 public:
  explicit Normalisation(const Dataset& dataset) : values_(dataset.shape.channels) {
    for (uint32_t c = 0; c < dataset.shape.channels; ++c) {
      for (size_t v = 0; v < 256; ++v) {
        values_[c][v] = (static_cast<float>(v) / 255.0f - dataset.mean[c]) / dataset.deviation[c];
      }
    }
  }
  const std::array<float, 256>& Channel(uint32_t c) const { return values_[c]; }

 private:
  std::vector<std::array<float, 256>> values_;
};

// Where a sample's picture is cut from, relative to the original, and whether it is mirrored.
struct Cut {
  int32_t dy = 0;
  int32_t dx = 0;
  bool mirror = false;
};

Cut DrawCut(const Augmentation& augmentation, uint64_t bits) {
  const uint64_t places = 2 * uint64_t{augmentation.crop} + 1;
  const auto offset = [&](uint64_t draw) {
    return static_cast<int32_t>(draw * places >> 24) - static_cast<int32_t>(augmentation.crop);
  };
  return {offset(bits & 0xFFFFFF), offset(bits >> 24 & 0xFFFFFF), augmentation.flip && (bits >> 63) != 0};
}

void CopyCut(const Dataset& dataset, const Normalisation& normal, uint32_t sample, const Cut& cut, float* out) {
  const auto height = static_cast<int32_t>(dataset.shape.height);
  const auto width = static_cast<int32_t>(dataset.shape.width);
  const uint8_t* pixels = dataset.Image(sample).data();
  for (uint32_t c = 0; c < dataset.shape.channels; ++c, pixels += height * width) {
    const std::array<float, 256>& value = normal.Channel(c);
    for (int32_t y = 0; y < height; ++y) {
      for (int32_t x = 0; x < width; ++x) {
        const int32_t from_y = y + cut.dy;
        const int32_t from_x = (cut.mirror ? width - 1 - x : x) + cut.dx;
        const bool inside = from_y >= 0 && from_y < height && from_x >= 0 && from_x < width;
        *out++ = value[inside ? pixels[from_y * width + from_x] : 0];
      }
    }
  }
}

void CopyPlain(const Dataset& dataset, const Normalisation& normal, uint32_t sample, float* out) {
  const size_t plane = size_t{dataset.shape.height} * dataset.shape.width;
  const uint8_t* pixels = dataset.Image(sample).data();
  for (uint32_t c = 0; c < dataset.shape.channels; ++c) {
    const std::array<float, 256>& value = normal.Channel(c);
    for (size_t i = 0; i < plane; ++i) *out++ = value[*pixels++];
  }
}

}  // namespace

void MakeBatch(const Dataset& dataset, std::span<const uint32_t> samples, Batch* out) {
  MakeAugmentedBatch(dataset, samples, {}, {}, out);
}

void MakeAugmentedBatch(const Dataset& dataset, std::span<const uint32_t> samples, const Augmentation& augmentation,
                        const DrawKey& key, Batch* out) {
  const Normalisation normal(dataset);
  const uint64_t draws = Key(key.seed, Purpose::kAugment, key.client_id, key.round);
  const bool plain = augmentation.crop == 0 && !augmentation.flip;
  out->shape = dataset.shape;
  out->images.resize(samples.size() * dataset.shape.Pixels());
  out->labels.resize(samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    out->labels[i] = dataset.labels[samples[i]];
    float* image = out->images.data() + i * dataset.shape.Pixels();
    if (plain) {
      CopyPlain(dataset, normal, samples[i], image);
    } else {
      CopyCut(dataset, normal, samples[i], DrawCut(augmentation, Mix(draws + i)), image);
    }
  }
}

}  // namespace signvote
