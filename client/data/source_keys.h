// Keys of `data` that several formats have.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/data/formats.h"

namespace signvote {

// data.mean and data.deviation, or those of another prefix ("data.target_"): lists of as many numbers, deviations
// above 0. Empty: not given.
struct Normalisation {
  std::vector<float> mean;
  std::vector<float> deviation;
};
Normalisation ReadNormalisation(ConfigReader* config, const std::string& prefix = "data.");

// data.classes: the names of the classes in the order of their numbers. Without it there is one more than the largest
// number.
class ClassNames {
 public:
  explicit ClassNames(ConfigReader* config);

  bool Given() const { return !names_.empty(); }
  // Its number, or -1: no class of this name. Given() only.
  int32_t Find(const std::string& name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, int32_t> numbers_;
};

// The whole of `text` as a finite number; nullopt: it is none. What float32 is too coarse for becomes 0.
std::optional<float> ParseNumber(std::string_view text);

// "cat", "dog", and 3 more: names in a message, which may hold commas themselves.
std::string Quoted(const std::vector<std::string>& names);

// NOT_FOUND: nothing is at `path`, which the configuration names at `where` (as of ConfigReader::Where).
absl::Status CheckThere(const std::string& where, const std::string& path);

// For a format that knows no test set of its own. Which of the files that the configuration names:
enum class Files { kMain, kTest };

// Asks for data.path, data.test_path and data.test. `read` reads all samples at `path`, of the main or the test files.
// With data.test_path the test set is what is there; with data.test: F it is a fraction F of the samples, the same
// ones for everyone, and the rest is for training; with neither there is none (INVALID_ARGUMENT when it is asked for).
// Without data.path there is no training set (INVALID_ARGUMENT when it is asked for), and data.test_path is required.
// NOT_FOUND: nothing is there (names the key).
using ReadFiles = std::function<absl::StatusOr<Dataset>(const std::string& path, Files files)>;
DataSource WithTestSplit(ConfigReader* config, ReadFiles read);

}  // namespace signvote
