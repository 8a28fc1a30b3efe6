// Tables of numbers. The first row names the columns, or with data.header: false they are called 1, 2, and so on.
// data.targets names those that are predicted (none: loss module alone); the inputs are data.features, or all others,
// in their order.
//
// A target column of names in data.classes holds classes. So does one of whole numbers, unless the loss is one that
// numbers suit (mse, module); other targets are real numbers.
#include <absl/strings/ascii.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string>

#include "client/data/csv_rows.h"
#include "client/data/targets.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

struct Options {
  std::vector<std::string> features;  // empty: all but the targets
  std::vector<std::string> targets;
  bool header = true;
  char separator = ',';
  TargetOptions to_predict;
  Normalisation normalisation;
};

// The numbers of columns in a file: place in a row.
struct Columns {
  std::vector<std::string> names;
  std::vector<size_t> features;
  std::vector<size_t> targets;
};

absl::StatusOr<size_t> Find(const std::string& file, const std::vector<std::string>& names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (std::count(found, names.end(), name) > 1) {
    return InvalidArgument("{}: has {} columns \"{}\", expected one: give each a name of its own", file,
                           std::count(found, names.end(), name), name);
  }
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  return InvalidArgument("{}: has no column \"{}\"; its columns are: {}", file, name, Quoted(names));
}

absl::StatusOr<Columns> FindColumns(const std::string& file, const std::vector<std::string>& names,
                                    const Options& options) {
  Columns columns{names, {}, {}};
  for (const std::string& name : options.targets) {
    ASSIGN_OR_RETURN(columns.targets.emplace_back(), Find(file, names, name));
  }
  for (const std::string& name : options.features) {
    ASSIGN_OR_RETURN(columns.features.emplace_back(), Find(file, names, name));
  }
  for (size_t i = 0; options.features.empty() && i < names.size(); ++i) {
    if (std::find(columns.targets.begin(), columns.targets.end(), i) == columns.targets.end()) {
      ASSIGN_OR_RETURN(columns.features.emplace_back(), Find(file, names, names[i]));
    }
  }
  if (columns.features.empty()) return InvalidArgument("{}: has no column but the targets", file);
  return columns;
}

// What others write where a value is missing.
bool IsMissing(const std::string& text) {
  static const std::set<std::string> kWords = {"", "na", "n/a", "nan", "none", "null", "nil", "-", "?", "."};
  return kWords.contains(absl::AsciiStrToLower(text));
}

// `otherwise` says what to do with a column of words.
absl::StatusOr<float> Number(const std::string& where, const std::string& column, const std::string& text,
                             const char* otherwise) {
  if (const std::optional<float> number = ParseNumber(text)) return *number;
  return InvalidArgument("{}: column \"{}\" is {}, expected a number: {}", where, column,
                         text.empty() ? "empty" : "\"" + text + "\"",
                         IsMissing(text) ? "fill it in, or leave the row out" : otherwise);
}

absl::StatusOr<float> Class(const std::string& where, const std::string& column, const std::string& text,
                            const ClassNames& classes) {
  const int32_t number = classes.Find(text);
  if (number >= 0) return static_cast<float>(number);
  return InvalidArgument("{}: column \"{}\" is \"{}\", expected one of data.classes: {}", where, column, text,
                         Quoted(classes.names()));
}

bool AreClasses(const std::vector<float>& targets, const Options& options) {
  if (options.to_predict.classes.Given()) return true;
  constexpr float kMost = 1 << 24;  // every whole number up to here is a float32
  return options.to_predict.WholeAreClasses() && options.targets.size() == 1 &&
         std::all_of(targets.begin(), targets.end(),
                     [](float value) { return value >= 0 && value < kMost && value == std::floor(value); });
}

absl::Status SetTargets(const std::vector<float>& targets, const Options& options, Dataset* dataset) {
  Column column;
  if (options.targets.size() > 1) column.shape = {options.targets.size()};
  if (AreClasses(targets, options)) {
    column.values = std::vector<int32_t>(targets.begin(), targets.end());
  } else {
    column.values = targets;
  }
  return SetTargets(std::move(column), options.to_predict, dataset);
}

absl::StatusOr<Dataset> Read(const std::string& file, const Options& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  const ClassNames& classes = options.to_predict.classes;
  CsvRows rows(file, text, options.separator);
  std::vector<std::string> row;
  std::vector<float> features, targets;
  std::optional<Columns> columns;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Next(&row));
    if (!more) break;
    if (!columns.has_value()) {
      std::vector<std::string> names = row;
      for (size_t i = 0; !options.header && i < names.size(); ++i) names[i] = std::to_string(i + 1);
      ASSIGN_OR_RETURN(columns, FindColumns(file, names, options));
      if (options.header) continue;
    }
    if (row.size() != columns->names.size()) {
      return InvalidArgument("{}: {} fields, expected the {} of the first row", rows.Where(), row.size(),
                             columns->names.size());
    }
    for (const size_t i : columns->features) {
      ASSIGN_OR_RETURN(features.emplace_back(),
                       Number(rows.Where(), columns->names[i], row[i],
                              "mend it; or leave the column out of data.features, or encode its words as numbers"));
    }
    for (const size_t i : columns->targets) {
      ASSIGN_OR_RETURN(targets.emplace_back(), classes.Given()
                                                   ? Class(rows.Where(), columns->names[i], row[i], classes)
                                                   : Number(rows.Where(), columns->names[i], row[i],
                                                            "mend it; or name the classes in data.classes"));
    }
  }
  Dataset dataset;
  dataset.source = file;
  if (columns.has_value()) {
    dataset.inputs.shape = {columns->features.size()};
    for (const size_t i : columns->features) dataset.features.push_back(columns->names[i]);
  }
  dataset.inputs.values = std::move(features);
  if (options.targets.empty()) {
    SetInputsAsTargets(&dataset);
  } else {
    RETURN_IF_ERROR(SetTargets(targets, options, &dataset));
  }
  dataset.mean = options.normalisation.mean;
  dataset.deviation = options.normalisation.deviation;
  return dataset;
}

}  // namespace

DataSource formats::csv(ConfigReader* config) {
  Options options{.to_predict = ReadTargetOptions(config), .normalisation = ReadNormalisation(config)};
  config->Read("data.features", &options.features);
  config->Read("data.targets", &options.targets);
  if (options.targets.empty() && !MayLackTargets(config, options.to_predict)) {
    config->Fail("data.targets",
                 "is missing or empty: name the columns to predict, such as [price] (loss: module may do without)");
  }
  for (const std::string& target : options.targets) {
    if (std::find(options.features.begin(), options.features.end(), target) == options.features.end()) continue;
    config->Fail("data.features",
                 fmt::format("names \"{}\", which data.targets names too: the answer is no feature", target));
  }
  if (options.to_predict.classes.Given() && options.targets.size() != 1) {
    config->Fail("data.classes", "is for one column in data.targets");
  }
  config->Read("data.header", &options.header);
  std::string separator = ",";
  config->Read("data.separator", &separator);
  if (separator.size() != 1 || separator == "\"" || separator == "\n") {
    config->Fail("data.separator",
                 fmt::format("is \"{}\", expected one character such as \",\" or \"\\t\"", separator));
  }
  options.separator = separator.empty() ? ',' : separator[0];
  return WithTestSplit(config, [options](const std::string& path, Files) { return Read(path, options); });
}

}  // namespace signvote
