#include "client/data/outliers.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/log.h"

namespace signvote {
namespace {

constexpr double kTimes = 100;
constexpr uint64_t kMostSampled = 4096;  // values of a feature that tell what is usual
constexpr uint64_t kMostSampledInAll = uint64_t{1} << 24;

struct Usual {
  float low = 0;
  float high = 0;
  double span = 1;

  double Distance(float value) const { return std::max(double{low} - value, double{value} - high) / span; }
};

Usual UsualOf(std::vector<float>* values, double deviation) {
  std::sort(values->begin(), values->end());
  const size_t cut = values->size() < 10 ? 0 : std::max<size_t>(1, values->size() / 20);
  const float low = (*values)[cut], high = (*values)[values->size() - 1 - cut];
  const double size = std::max(std::abs(double{low}), std::abs(double{high}));
  return {low, high, std::max({double{high} - low, size, deviation})};
}

std::vector<Usual> UsualOfFeatures(const Column& inputs, std::span<const float> deviation) {
  const std::vector<float>& values = std::get<std::vector<float>>(inputs.values);
  const uint64_t width = inputs.Width();
  const uint64_t features = inputs.shape.empty() ? 1 : inputs.shape[0];
  const uint64_t length = width / features;  // numbers of a feature in a sample
  const uint64_t all = inputs.size() * length;
  const uint64_t count = std::min({all, kMostSampled, std::max<uint64_t>(64, kMostSampledInAll / features)});
  std::vector<Usual> usual;
  std::vector<float> some(count);
  for (uint64_t f = 0; f < features; ++f) {
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t n = all / count * i + i * (all % count) / count;
      some[i] = values[n / length * width + f * length + n % length];
    }
    usual.push_back(UsualOf(&some, deviation.empty() ? 1 : deviation[deviation.size() == 1 ? 0 : f]));
  }
  return usual;
}

}  // namespace

std::optional<Outlier> FarthestOutlier(const Column& inputs, std::span<const float> deviation) {
  if (!inputs.Holds<float>() || inputs.size() == 0) return std::nullopt;
  const std::vector<Usual> usual = UsualOfFeatures(inputs, deviation);
  const uint64_t length = inputs.Width() / usual.size();
  Outlier farthest;
  double distance = kTimes;
  for (size_t sample = 0; sample < inputs.size(); ++sample) {
    const std::span<const float> values = inputs.Sample<float>(sample);
    for (size_t i = 0; i < values.size(); ++i) {
      const Usual& of_feature = usual[i / length];
      const double one = of_feature.Distance(values[i]);
      if (one <= kTimes) continue;
      const size_t count = farthest.count + 1;
      if (one > distance) {
        distance = one;
        farthest = {sample, i / length, values[i], of_feature.low, of_feature.high, 0};
      }
      farthest.count = count;
    }
  }
  return farthest.count > 0 ? std::optional(farthest) : std::nullopt;
}

void WarnOfOutliers(const Dataset& dataset) {
  const std::optional<Outlier> outlier = FarthestOutlier(dataset.inputs, dataset.deviation);
  if (!outlier.has_value()) return;
  const std::string feature = outlier->feature < dataset.features.size()
                                  ? fmt::format("\"{}\"", dataset.features[outlier->feature])
                                  : fmt::format("feature {}", outlier->feature);
  spdlog::warn(
      "{}: {} of sample {} (from 0) is {:g}, where nine tenths are {:g} to {:g}; {} values are as far away. Where that "
      "stands for a missing value, fill it in or leave the sample out: so large an input outweighs all others, or "
      "makes gradients infinite, and the client abstains",
      dataset.source, feature, outlier->sample, outlier->value, outlier->low, outlier->high, outlier->count);
}

}  // namespace signvote
