// NumPy arrays: data.path holds the inputs, data.targets the targets, sample by sample along the first dimension;
// data.test_path and data.test_targets those to test with. Without targets: loss module alone.
//
// Inputs: uint8 count 0 to 1 (value / 255), floats as they are, bool as 0 and 1, other integers are tokens or
// categories. Targets: integers and bool are classes (one a sample, or one a place of a sequence) but under a loss of
// numbers, floats are numbers.
#include "client/data/npy_file.h"
#include "client/data/targets.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

struct Options {
  TargetOptions to_predict;
  Normalisation normalisation;
};

absl::StatusOr<NpyArray> ReadArray(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
  ASSIGN_OR_RETURN(NpyArray array, ParseNpy(file, bytes));
  if (array.shape.empty()) return InvalidArgument("{}: holds a single number, expected an array of samples", file);
  return array;
}

Column ColumnOf(NpyArray array) {
  Column column;
  column.shape.assign(array.shape.begin() + 1, array.shape.end());
  column.values = std::move(array.values);
  return column;
}

absl::StatusOr<Dataset> Read(const std::string& inputs, const std::string& targets, const Options& options) {
  Dataset dataset;
  dataset.source = targets.empty() ? inputs : fmt::format("{} and {}", inputs, targets);
  ASSIGN_OR_RETURN(NpyArray of_inputs, ReadArray(inputs));
  if (of_inputs.is_boolean) {
    const auto& bytes = std::get<std::vector<uint8_t>>(of_inputs.values);
    of_inputs.values = std::vector<float>(bytes.begin(), bytes.end());
  }
  dataset.inputs = ColumnOf(std::move(of_inputs));
  if (targets.empty()) {
    SetInputsAsTargets(&dataset);
  } else {
    ASSIGN_OR_RETURN(NpyArray of_targets, ReadArray(targets));
    RETURN_IF_ERROR(SetTargets(ColumnOf(std::move(of_targets)), options.to_predict, &dataset));
  }
  dataset.mean = options.normalisation.mean;
  dataset.deviation = options.normalisation.deviation;
  return dataset;
}

struct TargetFile {
  std::string path;   // empty: none is named
  std::string where;  // as of ConfigReader::Where
};
struct TargetFiles {
  TargetFile main;
  TargetFile test;
};

TargetFiles ReadTargetFiles(ConfigReader* config, const TargetOptions& options) {
  TargetFiles files{{"", config->Where("data.targets")}, {"", config->Where("data.test_targets")}};
  config->Read("data.targets", &files.main.path);
  config->Read("data.test_targets", &files.test.path);
  if (files.main.path.empty() && files.test.path.empty() && MayLackTargets(config, options)) return files;
  if (files.main.path.empty() && (config->Has("data.path") || !config->Has("data.test_path"))) {
    config->Require("data.targets", &files.main.path);
  }
  if (config->Has("data.test_path") != config->Has("data.test_targets")) {
    config->Fail(config->Has("data.test_path") ? "data.test_path" : "data.test_targets",
                 "needs data.test_path and data.test_targets both: the inputs and the targets to test with");
  }
  return files;
}

}  // namespace

DataSource formats::npy(ConfigReader* config) {
  const Options options{ReadTargetOptions(config), ReadNormalisation(config)};
  const TargetFiles files = ReadTargetFiles(config, options.to_predict);
  return WithTestSplit(config, [=](const std::string& path, Files which) -> absl::StatusOr<Dataset> {
    const TargetFile& targets = which == Files::kTest ? files.test : files.main;
    if (!targets.path.empty()) RETURN_IF_ERROR(CheckThere(targets.where, targets.path));
    return Read(path, targets.path, options);
  });
}

}  // namespace signvote
