#include "client/data/partition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>

#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

struct Kind {
  std::string name;
  std::vector<double> arguments;
};

absl::StatusOr<Kind> ParseKind(const std::string& text) {
  Kind kind;
  std::string_view rest = text;
  const auto next = [&rest] {
    const size_t colon = std::min(rest.find(':'), rest.size());
    const std::string_view part = rest.substr(0, colon);
    rest.remove_prefix(std::min(colon + 1, rest.size()));
    return part;
  };
  kind.name = next();
  bool numbers = true;
  while (!rest.empty() && numbers) {
    const std::string_view part = next();
    double value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    numbers = error == std::errc() && end == part.data() + part.size() && std::isfinite(value) && value > 0;
    kind.arguments.push_back(value);
  }
  const auto whole = [&] {
    return std::all_of(kind.arguments.begin(), kind.arguments.end(), [](double v) { return v == std::floor(v); });
  };
  const auto is = [&](const char* name, size_t arguments) {
    return kind.name == name && kind.arguments.size() == arguments && numbers;
  };
  if (is("all", 0) || is("iid", 0) || is("dirichlet", 1)) return kind;
  if ((is("labels", 1) || is("groups", 2)) && whole()) return kind;
  return InvalidArgument("\"{}\" is no partition, expected all, iid, labels:K, dirichlet:ALPHA or groups:A:D", text);
}

std::vector<uint32_t> Everything(const Dataset& dataset) {
  std::vector<uint32_t> samples(dataset.size());
  std::iota(samples.begin(), samples.end(), 0);
  return samples;
}

template <typename Predicate>
std::vector<uint32_t> WhereLabel(const Dataset& dataset, Predicate predicate) {
  std::vector<uint32_t> samples;
  for (uint32_t i = 0; i < dataset.size(); ++i) {
    if (predicate(static_cast<uint32_t>(dataset.Class(i)))) samples.push_back(i);
  }
  return samples;
}

// Fisher and Yates.
void Shuffle(Random* random, std::vector<uint32_t>* samples) {
  for (size_t i = samples->size(); i > 1; --i) std::swap((*samples)[i - 1], (*samples)[random->Below(i)]);
}

// Of `samples`, those from `begin` to `end` as fractions of the whole.
void AppendShare(const std::vector<uint32_t>& samples, double begin, double end, std::vector<uint32_t>* out) {
  const auto cut = [&](double at) {
    return std::min(samples.size(), static_cast<size_t>(at * static_cast<double>(samples.size())));
  };
  for (size_t i = cut(begin); i < cut(end); ++i) out->push_back(samples[i]);
}

std::vector<uint32_t> Iid(const Dataset& dataset, const PartitionOptions& options) {
  std::vector<uint32_t> samples = Everything(dataset);
  Random random(Key(options.seed, Purpose::kPartition));
  Shuffle(&random, &samples);
  const uint64_t begin = samples.size() * options.index / options.count;
  const uint64_t end = samples.size() * (uint64_t{options.index} + 1) / options.count;
  return {samples.begin() + static_cast<std::ptrdiff_t>(begin), samples.begin() + static_cast<std::ptrdiff_t>(end)};
}

// Gamma(alpha, 1) by Marsaglia and Tsang (2000); below 1, by Gamma(alpha + 1) * U^(1 / alpha).
double Gamma(Random* random, double alpha) {
  if (alpha < 1) return Gamma(random, alpha + 1) * std::pow(1 - random->Unit(), 1 / alpha);
  const double d = alpha - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random->Normal();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - random->Unit()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

std::vector<uint32_t> Dirichlet(const Dataset& dataset, const PartitionOptions& options, double alpha) {
  std::vector<uint32_t> ordered = Everything(dataset);
  const auto label_of = [&](uint32_t sample) { return static_cast<uint32_t>(dataset.Class(sample)); };
  std::stable_sort(ordered.begin(), ordered.end(), [&](uint32_t a, uint32_t b) { return label_of(a) < label_of(b); });
  std::vector<uint32_t> share;
  for (auto begin = ordered.begin(), end = begin; begin != ordered.end(); begin = end) {
    const uint32_t label = label_of(*begin);
    end = std::find_if(begin, ordered.end(), [&](uint32_t sample) { return label_of(sample) != label; });
    std::vector<uint32_t> samples(begin, end);
    Random random(Key(options.seed, Purpose::kPartition, uint64_t{label} + 1));
    Shuffle(&random, &samples);
    std::vector<double> until(options.count + 1, 0.0);  // running sums of the proportions
    for (uint32_t m = 0; m < options.count; ++m) until[m + 1] = until[m] + Gamma(&random, alpha);
    // Every draw may round to 0 when alpha is tiny: then the class goes to one client.
    if (until.back() <= 0)
      std::fill(until.begin() + 1 + static_cast<std::ptrdiff_t>(random.Below(options.count)), until.end(), 1.0);
    // The last cut is exactly 1: no sample falls off the end.
    const auto at = [&](uint32_t m) { return m == options.count ? 1.0 : until[m] / until.back(); };
    AppendShare(samples, at(options.index), at(options.index + 1), &share);
  }
  return share;
}

std::vector<uint32_t> Share(const Dataset& dataset, const PartitionOptions& options, const Kind& kind) {
  if (kind.name == "iid") return Iid(dataset, options);
  if (kind.name == "dirichlet") return Dirichlet(dataset, options, kind.arguments[0]);
  if (kind.name == "labels") {
    const auto k = static_cast<uint64_t>(kind.arguments[0]);
    // Label l is (m*K + j) % classes for some j < K when its distance behind m*K is below K.
    const uint64_t first = options.index * k % dataset.classes;
    return WhereLabel(dataset, [&](uint32_t l) { return (l + dataset.classes - first) % dataset.classes < k; });
  }
  if (kind.name == "groups") {
    const bool low = options.index < kind.arguments[0];
    return WhereLabel(dataset, [&](uint32_t l) { return (l < kind.arguments[1]) == low; });
  }
  return Everything(dataset);
}

}  // namespace

absl::Status ValidatePartitionKind(const std::string& kind) { return ParseKind(kind).status(); }

absl::StatusOr<std::vector<uint32_t>> PartitionOf(const Dataset& dataset, const PartitionOptions& options) {
  ASSIGN_OR_RETURN(const Kind kind, ParseKind(options.kind));
  if (options.index >= options.count) {
    return InvalidArgument("data.index is {}, expected less than data.count ({})", options.index, options.count);
  }
  const bool by_class = kind.name != "all" && kind.name != "iid";
  if (by_class && dataset.classes == 0) {
    return InvalidArgument("data.partition is \"{}\", but the samples of {} have no classes: take all or iid",
                           options.kind, dataset.source);
  }
  if (kind.name == "labels" && kind.arguments[0] > dataset.classes) {
    return InvalidArgument("data.partition is \"{}\", but {} has {} classes", options.kind, dataset.source,
                           dataset.classes);
  }
  std::vector<uint32_t> share = Share(dataset, options, kind);
  if (share.empty()) {
    return InvalidArgument(
        "share {} of {} of {} under partition \"{}\", seed {}, is empty: choose another partition, "
        "seed or index",
        options.index, options.count, dataset.source, options.kind, options.seed);
  }
  std::sort(share.begin(), share.end());
  return share;
}

}  // namespace signvote
