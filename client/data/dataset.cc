#include "client/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "common/status.h"

namespace signvote {
namespace {

absl::Status ValidateNormalisation(const Dataset& dataset) {
  const std::vector<uint64_t>& shape = dataset.inputs.shape;
  if (dataset.mean.empty() && dataset.deviation.empty()) return absl::OkStatus();
  if (dataset.inputs.Holds<int32_t>()) {
    return InvalidArgument("{}: its inputs are whole numbers, which mean and deviation are not for", dataset.source);
  }
  for (const size_t count : {dataset.mean.size(), dataset.deviation.size()}) {
    if (count == 1 || (!shape.empty() && count == shape[0])) continue;
    return InvalidArgument(
        "{}: data.mean and data.deviation hold {} numbers each, expected 1, or one for each of the {} "
        "channels or features of a sample, which is {}",
        dataset.source, count, shape.empty() ? 1 : shape[0], ShapeText(shape));
  }
  return absl::OkStatus();
}

absl::Status ValidateClasses(const Dataset& dataset) {
  if (dataset.classes == 0) return absl::OkStatus();
  if (!dataset.targets.Holds<int32_t>() || dataset.targets.Width() != 1) {
    return InvalidArgument("{}: has {} classes, but targets that are no classes", dataset.source, dataset.classes);
  }
  for (size_t i = 0; i < dataset.size(); ++i) {
    if (const int32_t label = dataset.Class(i); label < 0 || label >= static_cast<int64_t>(dataset.classes)) {
      return InvalidArgument("{}: sample {} has label {}, expected 0 to {}", dataset.source, i, label,
                             dataset.classes - 1);
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateFinite(const Dataset& dataset, const Column& column, const char* name) {
  if (!column.Holds<float>()) return absl::OkStatus();
  const auto& values = std::get<std::vector<float>>(column.values);
  const auto bad = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return absl::OkStatus();
  return InvalidArgument("{}: the {} of sample {} hold {}: every number must be finite", dataset.source, name,
                         static_cast<uint64_t>(bad - values.begin()) / std::max<uint64_t>(1, column.Width()), *bad);
}

Column Subset(const Column& column, std::span<const uint32_t> samples) {
  Column subset;
  subset.shape = column.shape;
  std::visit(
      [&]<typename T>(const std::vector<T>& values) {
        std::vector<T> taken;
        if (!values.empty()) taken.reserve(samples.size() * column.Width());
        for (const uint32_t sample : samples) {
          if (values.empty()) break;
          const std::span<const T> one = column.Sample<T>(sample);
          taken.insert(taken.end(), one.begin(), one.end());
        }
        subset.values = std::move(taken);
      },
      column.values);
  return subset;
}

// The samples in which the smallest and the largest number are.
void AddExtremes(const Column& column, std::vector<uint32_t>* samples) {
  const size_t count = column.size();
  const uint64_t step = column.step == 0 ? column.Width() : column.step;
  std::visit(
      [&](const auto& values) {
        // A last sample that is not whole is none.
        const auto end = values.begin() + static_cast<std::ptrdiff_t>(column.Begin(count - 1) + column.Width());
        const auto [least, most] = std::minmax_element(values.begin(), end);
        for (const auto number : {least, most}) {
          const auto place = static_cast<uint64_t>(number - values.begin());
          samples->push_back(static_cast<uint32_t>(std::min<uint64_t>(place / step, count - 1)));
        }
      },
      column.values);
}

}  // namespace

uint64_t Column::Width() const {
  uint64_t width = 1;
  for (const uint64_t size : shape) width *= size;
  return width;
}

size_t Column::size() const {
  const uint64_t width = Width();
  const size_t count = std::visit([](const auto& all) { return all.size(); }, values);
  return width == 0 || count < width ? 0 : (count - width) / (step == 0 ? width : step) + 1;
}

std::string ShapeText(std::span<const uint64_t> shape) {
  return shape.empty() ? "1" : fmt::format("{}", fmt::join(shape.begin(), shape.end(), " x "));
}

absl::Status ValidateDataset(const Dataset& dataset) {
  if (dataset.size() == 0) return InvalidArgument("{}: holds no samples", dataset.source);
  if (dataset.size() > UINT32_MAX) {
    return InvalidArgument("{}: holds {} samples, expected less than 2^32", dataset.source, dataset.size());
  }
  const bool has_targets = !dataset.next_token && !dataset.targets_are_inputs;
  if (has_targets && dataset.targets.size() != dataset.size()) {
    return InvalidArgument("{}: {} samples of inputs but {} of targets: they do not belong together", dataset.source,
                           dataset.size(), dataset.targets.size());
  }
  RETURN_IF_ERROR(ValidateNormalisation(dataset));
  RETURN_IF_ERROR(ValidateClasses(dataset));
  RETURN_IF_ERROR(ValidateFinite(dataset, dataset.inputs, "inputs"));
  return ValidateFinite(dataset, dataset.targets, "targets");
}

std::vector<uint32_t> TellingSamples(const Dataset& dataset) {
  constexpr size_t kCount = 8;
  std::vector<uint32_t> samples;
  if (dataset.inputs.Holds<int32_t>()) AddExtremes(dataset.inputs, &samples);
  if (dataset.targets.size() > 0) AddExtremes(dataset.targets, &samples);
  for (uint32_t i = 0; samples.size() < kCount; ++i) samples.push_back(i % static_cast<uint32_t>(dataset.size()));
  return samples;
}

Dataset Subset(const Dataset& dataset, std::span<const uint32_t> samples) {
  Dataset subset;
  subset.source = dataset.source;
  subset.inputs = Subset(dataset.inputs, samples);
  subset.targets = Subset(dataset.targets, samples);
  subset.next_token = dataset.next_token;
  subset.targets_are_inputs = dataset.targets_are_inputs;
  subset.classes = dataset.classes;
  subset.class_numbers = dataset.class_numbers;
  subset.mean = dataset.mean;
  subset.deviation = dataset.deviation;
  subset.target_mean = dataset.target_mean;
  subset.target_deviation = dataset.target_deviation;
  subset.class_names = dataset.class_names;
  subset.features = dataset.features;
  for (const uint32_t sample : samples) subset.places.push_back(static_cast<uint32_t>(dataset.Place(sample)));
  return subset;
}

}  // namespace signvote
