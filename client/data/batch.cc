#include "client/data/batch.h"

#include <array>

#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

// Normalised values of the 256 bytes, for each part of a sample that has a mean of its own.
class ByteTable {
 public:
  explicit ByteTable(const Dataset& dataset) : values_(std::max<size_t>(1, dataset.mean.size())) {
    for (size_t part = 0; part < values_.size(); ++part) {
      const float mean = dataset.mean.empty() ? 0 : dataset.mean[part];
      const float deviation = dataset.mean.empty() ? 1 : dataset.deviation[part];
      for (size_t v = 0; v < 256; ++v) values_[part][v] = (static_cast<float>(v) / 255.0f - mean) / deviation;
    }
  }
  size_t parts() const { return values_.size(); }
  const std::array<float, 256>& Part(size_t part) const { return values_[part]; }
  const std::array<float, 256>& Channel(size_t channel) const { return values_[parts() == 1 ? 0 : channel]; }

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

void CopyCut(const Column& images, const ByteTable& table, uint32_t sample, const Cut& cut, float* out) {
  const auto height = static_cast<int32_t>(images.shape[1]);
  const auto width = static_cast<int32_t>(images.shape[2]);
  const uint8_t* pixels = images.Sample<uint8_t>(sample).data();
  for (size_t c = 0; c < images.shape[0]; ++c, pixels += height * width) {
    const std::array<float, 256>& value = table.Channel(c);
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

void CopyBytes(std::span<const uint8_t> sample, const ByteTable& table, float* out) {
  const size_t length = sample.size() / table.parts();
  for (size_t part = 0; part < table.parts(); ++part) {
    const std::array<float, 256>& value = table.Part(part);
    for (const uint8_t byte : sample.subspan(part * length, length)) *out++ = value[byte];
  }
}

void CopyReals(std::span<const float> sample, const Dataset& dataset, float* out) {
  if (dataset.mean.empty()) {
    std::copy(sample.begin(), sample.end(), out);
    return;
  }
  const size_t length = sample.size() / dataset.mean.size();
  for (size_t i = 0; i < sample.size(); ++i) {
    out[i] = (sample[i] - dataset.mean[i / length]) / dataset.deviation[i / length];
  }
}

template <typename T>
std::vector<T>& Resized(BatchColumn* column, size_t count) {
  if (!std::holds_alternative<std::vector<T>>(column->values)) column->values = std::vector<T>();
  auto& values = std::get<std::vector<T>>(column->values);
  values.resize(count);
  return values;
}

void CopyInputs(const Dataset& dataset, std::span<const uint32_t> samples, const Augmentation& augmentation,
                uint64_t draws, BatchColumn* out) {
  const Column& inputs = dataset.inputs;
  const uint64_t width = inputs.Width();
  out->shape = inputs.shape;
  std::vector<float>& values = Resized<float>(out, samples.size() * width);
  if (inputs.Holds<float>()) {
    for (size_t i = 0; i < samples.size(); ++i)
      CopyReals(inputs.Sample<float>(samples[i]), dataset, &values[i * width]);
    return;
  }
  const ByteTable table(dataset);
  for (size_t i = 0; i < samples.size(); ++i) {
    if (augmentation.IsNone()) {
      CopyBytes(inputs.Sample<uint8_t>(samples[i]), table, &values[i * width]);
    } else {
      CopyCut(inputs, table, samples[i], DrawCut(augmentation, Mix(draws + i)), &values[i * width]);
    }
  }
}

// Numbers [first, first + count) of each sample.
template <typename From, typename To>
void CopyPart(const Column& column, std::span<const uint32_t> samples, uint64_t first, uint64_t count,
              BatchColumn* out) {
  std::vector<To>& values = Resized<To>(out, samples.size() * count);
  for (size_t i = 0; i < samples.size(); ++i) {
    const std::span<const From> part = column.Sample<From>(samples[i]).subspan(first, count);
    std::copy(part.begin(), part.end(), values.begin() + static_cast<std::ptrdiff_t>(i * count));
  }
}

void CopyTargets(const Dataset& dataset, std::span<const uint32_t> samples, BatchColumn* out) {
  const Column& targets = dataset.targets;
  out->shape = targets.shape;
  if (targets.Holds<float>()) {
    CopyPart<float, float>(targets, samples, 0, targets.Width(), out);
  } else {
    CopyPart<int32_t, int64_t>(targets, samples, 0, targets.Width(), out);
  }
}

void CopyNextTokens(const Dataset& dataset, std::span<const uint32_t> samples, Batch* out) {
  const uint64_t length = dataset.inputs.Width() - 1;
  out->inputs.shape = out->targets.shape = {length};
  CopyPart<int32_t, int64_t>(dataset.inputs, samples, 0, length, &out->inputs);
  CopyPart<int32_t, int64_t>(dataset.inputs, samples, 1, length, &out->targets);
}

}  // namespace

absl::Status ValidateAugmentation(const Dataset& dataset, const Augmentation& augmentation) {
  if (augmentation.IsNone() || (dataset.inputs.Holds<uint8_t>() && dataset.inputs.shape.size() == 3)) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "data.crop and data.flip are for images (bytes of channels x height x width); the samples of {} are none: leave "
      "them out",
      dataset.source);
}

void MakeBatch(const Dataset& dataset, std::span<const uint32_t> samples, Batch* out) {
  MakeAugmentedBatch(dataset, samples, {}, {}, out);
}

void MakeAugmentedBatch(const Dataset& dataset, std::span<const uint32_t> samples, const Augmentation& augmentation,
                        const DrawKey& key, Batch* out) {
  out->size = samples.size();
  if (dataset.next_token) return CopyNextTokens(dataset, samples, out);
  if (dataset.inputs.Holds<int32_t>()) {
    out->inputs.shape = dataset.inputs.shape;
    CopyPart<int32_t, int64_t>(dataset.inputs, samples, 0, dataset.inputs.Width(), &out->inputs);
  } else {
    const uint64_t draws = Key(key.seed, Purpose::kAugment, key.client_id, key.round) + key.first;
    CopyInputs(dataset, samples, augmentation, draws, &out->inputs);
  }
  if (dataset.targets_are_inputs) {
    out->targets = out->inputs;
  } else {
    CopyTargets(dataset, samples, &out->targets);
  }
}

}  // namespace signvote
