#include "client/data/common_settings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <functional>
#include <span>
#include <vector>

namespace signvote {
namespace {

// One number for all and as many equal ones are the same.
std::string TextOf(const std::vector<float>& numbers) {
  const bool are_equal = std::adjacent_find(numbers.begin(), numbers.end(), std::not_equal_to<>()) == numbers.end();
  const std::span<const float> all(numbers);
  return fmt::format("{}", fmt::join(are_equal && !all.empty() ? all.first(1) : all, " "));
}

// Names may hold anything but a zero.
std::string TextOf(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(name).push_back('\0');
  return text;
}

}  // namespace

std::map<std::string, uint64_t> CommonSettings(const Dataset& dataset, const std::string& loss) {
  std::map<std::string, uint64_t> settings;
  const auto tell = [&settings](const char* key, const std::string& text) {
    settings[key] = XXH3_64bits(text.data(), text.size());
  };
  if (!loss.empty()) tell("loss", loss);
  if (!dataset.inputs.Holds<int32_t>()) {
    tell("data.mean", TextOf(dataset.mean));
    tell("data.deviation", TextOf(dataset.deviation));
  }
  if (dataset.targets.Holds<float>()) {
    tell("data.target_mean", TextOf(dataset.target_mean));
    tell("data.target_deviation", TextOf(dataset.target_deviation));
  }
  if (!dataset.class_names.empty()) tell("data.classes", TextOf(dataset.class_names));
  if (!dataset.features.empty()) tell("data.features", TextOf(dataset.features));
  return settings;
}

}  // namespace signvote
