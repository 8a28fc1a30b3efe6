// What a run leaves in its directory: summary.json at its end, metrics.csv a line a round.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "common/json.h"

namespace signvote::ctl {

// Of one evaluation; what was not measured is NaN, as the accuracy of a regression.
struct Measurement {
  uint64_t round = 0;
  double accuracy = 0;  // 0 to 1
  double loss = std::numeric_limits<double>::quiet_NaN();
};

// Accuracy, or loss.
using Measure = double Measurement::*;
bool Has(const std::vector<Measurement>& measured, Measure what);

struct RunSummary {
  struct Client {
    std::string name;
    uint64_t batch = 0;
    double crossover = 0;    // NaN when unknown
    double mean_weight = 0;  // NaN when unknown
  };

  std::string directory;
  std::string rule, mode, partition, data;
  double carry = 0, dither = 0, step = 0, seconds = 0;
  uint64_t rounds = 0, parameters = 0;
  double final_accuracy = 0;
  double bytes_up = 0, bytes_down = 0;  // per client and round
  bool fingerprints_agree = false;
  std::vector<Measurement> measured;  // ascending by round
  std::vector<Client> clients;
  Json json;  // the whole file

  double Float32Bytes() const { return 4.0 * static_cast<double>(parameters); }  // one way, per client and round
};

// DATA_LOSS: not JSON, or a field of another type. Fields that are absent or null keep their defaults, NaN for reals.
absl::StatusOr<RunSummary> ParseSummary(const std::string& text, const std::string& directory);

// NOT_FOUND when DIRECTORY/summary.json does not exist: the run has not ended.
absl::StatusOr<RunSummary> ReadSummary(const std::string& directory);

// The rounds of a metrics.csv that were evaluated. DATA_LOSS: no column round or accuracy, or a cell that is no number.
// A column loss may be missing.
// An unfinished last line, of a run that goes on, is left out.
absl::StatusOr<std::vector<Measurement>> ParseMetrics(const std::string& text, const std::string& file);

absl::StatusOr<std::vector<Measurement>> ReadMetrics(const std::string& directory);

// A name for each run: its rule, and its directory too where rules repeat.
std::vector<std::string> Labels(const std::vector<RunSummary>& runs);

}  // namespace signvote::ctl
