#include "client/data/targets.h"

#include <algorithm>
#include <cmath>

#include "client/objectives.h"
#include "common/log.h"
#include "common/status.h"

namespace signvote {
namespace {

// Beyond these a run's steps together hardly reach from the outputs of a fresh module to its targets.
constexpr double kLargestMean = 10;
constexpr double kLargestDeviation = 10;
constexpr double kLeastDeviation = 0.01;
constexpr uint64_t kMostOutputs = 16;  // that get numbers of their own in a warning

// Numbers i, i + parts, i + 2 * parts, ... of all targets.
struct Moments {
  double mean = 0;
  double deviation = 0;

  bool AreFar() const {
    return std::abs(mean) > kLargestMean || deviation > kLargestDeviation ||
           (deviation > 0 && deviation < kLeastDeviation);
  }
};

template <typename T>
Moments MomentsOf(const std::vector<T>& values, size_t first, size_t parts) {
  double count = 0, sum = 0, squares = 0;
  for (size_t i = first; i < values.size(); i += parts) {
    count += 1;
    sum += static_cast<double>(values[i]);
  }
  const double mean = sum / std::max(1.0, count);
  for (size_t i = first; i < values.size(); i += parts) {
    squares += (static_cast<double>(values[i]) - mean) * (static_cast<double>(values[i]) - mean);
  }
  return {mean, std::sqrt(squares / std::max(1.0, count))};
}

void WarnOfUnit(const Column& column, const std::string& source) {
  const size_t parts = column.shape.size() == 1 && column.shape[0] <= kMostOutputs ? column.shape[0] : 1;
  std::vector<std::string> means, deviations;
  bool far = false;
  for (size_t part = 0; part < parts; ++part) {
    const Moments moments = std::visit([&](const auto& all) { return MomentsOf(all, part, parts); }, column.values);
    far = far || moments.AreFar();
    means.push_back(fmt::format("{:.4g}", moments.mean));
    deviations.push_back(fmt::format("{:.4g}", moments.deviation > 0 ? moments.deviation : 1));
  }
  if (!far) return;
  spdlog::warn(
      "{}: its targets have mean {} and deviation {}, expected about 0 and 1 under loss mse: no parameter moves "
      "further than the sum of the steps, so a module may not get there in any number of rounds; give every client the "
      "same data.target_mean: [{}] and data.target_deviation: [{}]",
      source, fmt::join(means, ", "), fmt::join(deviations, ", "), fmt::join(means, ", "), fmt::join(deviations, ", "));
}

std::vector<float> RealNumbers(const Column& column) {
  return std::visit([](const auto& all) { return std::vector<float>(all.begin(), all.end()); }, column.values);
}

absl::Status Normalise(const Normalisation& normalisation, const std::string& source, Column* column) {
  const uint64_t width = column->Width();
  const size_t count = normalisation.mean.size();
  if (count != 1 && (column->shape.empty() || count != column->shape[0])) {
    return InvalidArgument(
        "{}: data.target_mean and data.target_deviation hold {} numbers each, expected 1, or one for each of the {} "
        "outputs that a sample's targets are",
        source, count, column->shape.empty() ? 1 : column->shape[0]);
  }
  std::vector<float> values = RealNumbers(*column);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t part = i % width * count / width;
    values[i] = (values[i] - normalisation.mean[part]) / normalisation.deviation[part];
  }
  column->values = std::move(values);
  return absl::OkStatus();
}

void CountClasses(const ClassNames& classes, Dataset* dataset) {
  dataset->targets.shape.clear();
  dataset->classes = static_cast<uint32_t>(classes.names().size());
  if (classes.Given()) {
    dataset->class_numbers = ClassNumbers::kNamed;
    return;
  }
  const auto& labels = std::get<std::vector<int32_t>>(dataset->targets.values);
  const int32_t most = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end());
  dataset->classes = static_cast<uint32_t>(std::max(0, most)) + 1;
}

}  // namespace

bool TargetOptions::WholeAreClasses() const {
  const Loss* const known = FindEntry(kLosses, loss);
  return normalisation.mean.empty() && (loss.empty() || (known != nullptr && known->has_classes));
}

bool TargetOptions::WholeAreNumbers() const {
  const Loss* const known = FindEntry(kLosses, loss);
  return !classes.Given() && known != nullptr && !known->has_classes;
}

TargetOptions ReadTargetOptions(ConfigReader* config) {
  TargetOptions options{ClassNames(config), ReadNormalisation(config, "data.target_"), ""};
  config->Read("loss", &options.loss);
  if (options.normalisation.mean.empty()) return options;
  const Loss* const known = FindEntry(kLosses, options.loss);
  if (options.classes.Given() || (known != nullptr && known->has_classes)) {
    config->Fail("data.target_mean",
                 fmt::format("is there beside {}: it is for numbers (loss mse or module), not for classes",
                             options.classes.Given() ? "data.classes" : "loss " + options.loss));
  }
  return options;
}

bool MayLackTargets(ConfigReader* config, const TargetOptions& options) {
  if (options.loss != kOwnLoss) return false;
  for (const char* key : {"data.classes", "data.target_mean"}) {
    if (config->Has(key)) config->Fail(key, "is there without data.targets, which it is about");
  }
  return true;
}

void SetInputsAsTargets(Dataset* dataset) {
  dataset->targets_are_inputs = true;
  spdlog::info("{}: no data.targets are named: the module's loss gets the inputs as targets, too", dataset->source);
}

absl::Status SetTargets(Column column, const TargetOptions& options, Dataset* dataset) {
  if (!options.normalisation.mean.empty()) {
    RETURN_IF_ERROR(Normalise(options.normalisation, dataset->source, &column));
  } else if (options.loss == "mse" && !options.classes.Given()) {
    WarnOfUnit(column, dataset->source);
  }
  dataset->target_mean = options.normalisation.mean;
  dataset->target_deviation = options.normalisation.deviation;
  dataset->class_names = options.classes.names();
  if (options.WholeAreNumbers()) column.values = RealNumbers(column);
  if (column.Holds<uint8_t>()) {
    const auto& bytes = std::get<std::vector<uint8_t>>(column.values);
    column.values = std::vector<int32_t>(bytes.begin(), bytes.end());
  }
  const bool are_classes = column.Holds<int32_t>() && column.Width() == 1;
  dataset->targets = std::move(column);
  if (are_classes) {
    CountClasses(options.classes, dataset);
  } else {
    dataset->classes = static_cast<uint32_t>(options.classes.names().size());
  }
  return absl::OkStatus();
}

}  // namespace signvote
