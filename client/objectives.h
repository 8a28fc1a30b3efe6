// The losses and metrics that a configuration names. Without LibTorch: what a line here computes is the function of its
// name in client/model/objective.cc, and the two are all that a new one takes.
#pragma once

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace signvote {

//   LOSS(name, whether whole numbers as targets are classes to it, its metrics where none are asked for...)
#define SIGNVOTE_LOSSES(LOSS)           \
  LOSS(cross_entropy, true, "accuracy") \
  LOSS(mse, false, "mse", "mae")        \
  LOSS(bce, true, "accuracy") /* of logits */

// accuracy: of classes, the largest output is the target's; of targets 0 and 1 (loss bce), the output's sign is theirs.
// mse, mae: mean squared and absolute difference of outputs and targets. perplexity: e to the loss.
//   METRIC(name, how it is averaged, the losses that it fits...; none: all)
#define SIGNVOTE_METRICS(METRIC)                            \
  METRIC(accuracy, kMean, "cross_entropy", "bce", "module") \
  METRIC(mse, kMean, "mse", "module")                       \
  METRIC(mae, kMean, "mse", "module")                       \
  METRIC(perplexity, kExpOfMean, "cross_entropy", "module")

// The loss that is a method of the module, and no line of the table.
inline constexpr std::string_view kOwnLoss = "module";

using FewNames = std::array<std::string_view, 4>;  // empty from some place on

struct Loss {
  std::string_view name;
  bool has_classes;
  FewNames metrics;
};

enum class Average { kMean, kExpOfMean };

struct Metric {
  std::string_view name;
  Average average;
  FewNames losses;

  bool Fits(std::string_view loss) const {
    return losses[0].empty() || std::find(losses.begin(), losses.end(), loss) != losses.end();
  }
};

inline constexpr Loss kLosses[] = {
#define SIGNVOTE_LOSS_ENTRY(name, has_classes, ...) {#name, has_classes, {__VA_ARGS__}},
    SIGNVOTE_LOSSES(SIGNVOTE_LOSS_ENTRY)
#undef SIGNVOTE_LOSS_ENTRY
};

inline constexpr Metric kMetrics[] = {
#define SIGNVOTE_METRIC_ENTRY(name, average, ...) {#name, Average::average, {__VA_ARGS__}},
    SIGNVOTE_METRICS(SIGNVOTE_METRIC_ENTRY)
#undef SIGNVOTE_METRIC_ENTRY
};

// Null: there is none of this name.
template <typename Entry, size_t kCount>
const Entry* FindEntry(const Entry (&table)[kCount], std::string_view name) {
  const auto* found = std::find_if(table, table + kCount, [name](const Entry& entry) { return entry.name == name; });
  return found == table + kCount ? nullptr : found;
}

template <typename Entry, size_t kCount>
std::vector<std::string> NamesOf(const Entry (&table)[kCount]) {
  std::vector<std::string> names;
  for (const Entry& entry : table) names.emplace_back(entry.name);
  return names;
}

// Those that fit the loss.
inline std::vector<std::string> MetricsFor(std::string_view loss) {
  std::vector<std::string> names;
  for (const Metric& metric : kMetrics) {
    if (metric.Fits(loss)) names.emplace_back(metric.name);
  }
  return names;
}

}  // namespace signvote
