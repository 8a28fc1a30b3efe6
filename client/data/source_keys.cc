#include "client/data/source_keys.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <system_error>

#include "client/data/outliers.h"
#include "common/log.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

std::vector<float> ReadNumbers(ConfigReader* config, const std::string& key) {
  std::vector<std::string> texts;
  config->Read(key, &texts);
  std::vector<float> numbers;
  for (const std::string& text : texts) {
    const std::optional<float> number = ParseNumber(text);
    if (!number) config->Fail(key, fmt::format("holds \"{}\", expected a list of numbers such as [0.5, 0.25]", text));
    numbers.push_back(number.value_or(0));
  }
  return numbers;
}

// A sample is a test sample by its place among `count`, whoever asks: nobody trains on what another tests with.
std::vector<uint32_t> SamplesOf(Split split, size_t count, double fraction) {
  std::vector<uint32_t> samples(count);
  std::iota(samples.begin(), samples.end(), 0);
  Random random(Key(0, Purpose::kPartition, ~uint64_t{0}));
  for (size_t i = count; i > 1; --i) std::swap(samples[i - 1], samples[random.Below(i)]);
  const auto tests = static_cast<std::ptrdiff_t>(std::lround(fraction * static_cast<double>(count)));
  if (split == Split::kTest) {
    samples.erase(samples.begin() + tests, samples.end());
  } else {
    samples.erase(samples.begin(), samples.begin() + tests);
  }
  std::sort(samples.begin(), samples.end());
  return samples;
}

}  // namespace

std::string Quoted(const std::vector<std::string>& names) {
  constexpr size_t kMost = 20;
  const size_t count = std::min(names.size(), kMost);
  std::string text;
  for (size_t i = 0; i < count; ++i) text += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", names[i]);
  return names.size() == count ? text : fmt::format("{}, and {} more", text, names.size() - count);
}

absl::Status CheckThere(const std::string& where, const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error) || error) return absl::OkStatus();  // reading it tells what else is wrong
  return Error(absl::StatusCode::kNotFound, "{} is \"{}\", where nothing is{}", where, path,
               path.starts_with('/') ? ""
                                     : fmt::format(" as seen from {}, in which the client was started",
                                                   std::filesystem::current_path(error).string()));
}

std::optional<float> ParseNumber(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const auto rounded = static_cast<float>(number);
  return std::isfinite(rounded) ? std::optional(rounded) : std::nullopt;
}

Normalisation ReadNormalisation(ConfigReader* config, const std::string& prefix) {
  const std::string mean = prefix + "mean", deviation = prefix + "deviation";
  Normalisation normalisation{ReadNumbers(config, mean), ReadNumbers(config, deviation)};
  const bool has_mean = config->Has(mean);
  if (has_mean != config->Has(deviation)) {
    config->Fail(has_mean ? mean : deviation,
                 fmt::format("is there without {}: expected both, as many numbers in each ([0] as means and [1] as "
                             "deviations change nothing)",
                             has_mean ? deviation : mean));
  } else if (normalisation.mean.size() != normalisation.deviation.size()) {
    config->Fail(mean, fmt::format("holds {} means for {} deviations ({}), expected as many", normalisation.mean.size(),
                                   normalisation.deviation.size(), deviation));
  }
  for (const float one : normalisation.deviation) {
    if (one <= 0) config->Fail(deviation, fmt::format("holds {}, expected numbers above 0", one));
  }
  return normalisation;
}

ClassNames::ClassNames(ConfigReader* config) {
  config->Read("data.classes", &names_);
  for (const std::string& name : names_) {
    if (!numbers_.emplace(name, static_cast<int32_t>(numbers_.size())).second) {
      config->Fail("data.classes", fmt::format("names \"{}\" twice", name));
    }
  }
}

int32_t ClassNames::Find(const std::string& name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? -1 : found->second;
}

DataSource WithTestSplit(ConfigReader* config, ReadFiles read) {
  std::string path, test_path;
  double fraction = 0;
  config->Read("data.test_path", &test_path);
  if (test_path.empty()) {
    config->Require("data.path", &path);
  } else {
    config->Read("data.path", &path);  // who only measures has nothing to train on
  }
  config->Read("data.test", &fraction, Between(0, 1));
  if (!test_path.empty() && fraction > 0) {
    config->Fail("data.test", "is there beside data.test_path: take the test set from one of them");
  }
  const std::string where = config->Where("data.path");
  // Checked before it is split, so that a sample has the number that it has in the file.
  const std::string where_test = config->Where("data.test_path");
  const auto checked = [=](const std::string& at, Files files) -> absl::StatusOr<Dataset> {
    RETURN_IF_ERROR(CheckThere(files == Files::kTest ? where_test : where, at));
    ASSIGN_OR_RETURN(Dataset dataset, read(at, files));
    RETURN_IF_ERROR(ValidateDataset(dataset));
    WarnOfOutliers(dataset);
    return dataset;
  };
  return [=](Split split) -> absl::StatusOr<Dataset> {
    const bool test = split == Split::kTest;
    if (!test && path.empty()) {
      return InvalidArgument("{} is missing: the samples to train on, or to measure running statistics on", where);
    }
    if (test && test_path.empty() && fraction == 0) {
      return InvalidArgument("{}: no test set: set data.test_path, or data.test to the fraction of {} to test with",
                             where, path);
    }
    if (fraction == 0) return test ? checked(test_path, Files::kTest) : checked(path, Files::kMain);
    ASSIGN_OR_RETURN(const Dataset all, checked(path, Files::kMain));
    Dataset part = Subset(all, SamplesOf(split, all.size(), fraction));
    if (part.size() == 0) {
      return InvalidArgument(
          "{}: data.test is {}, which leaves none of its {} samples to {}: it is a share, 0.1 is a tenth", path,
          fraction, all.size(), test ? "test with" : "train on");
    }
    part.source += test ? " (test)" : " (train)";
    if (test) {
      // No server knows which clients read one file, so nobody else can say it.
      spdlog::info(
          "{}: data.test: {} keeps {} of {} samples to test with: whoever trains on the same file needs the same "
          "data.test, or trains on them",
          path, fraction, part.size(), all.size());
    }
    return part;
  };
}

}  // namespace signvote
