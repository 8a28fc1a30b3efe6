// NumPy arrays: data.path holds the inputs, data.targets the targets, sample by sample along the first dimension;
// data.test_path and data.test_targets those to test with.
//
// Inputs: uint8 count 0 to 1 (value / 255), floats as they are, bool as 0 and 1, other integers are tokens or
// categories. Targets: integers and bool are classes (one a sample, or one a place of a sequence), floats are numbers.
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
  dataset.source = fmt::format("{} and {}", inputs, targets);
  ASSIGN_OR_RETURN(NpyArray of_inputs, ReadArray(inputs));
  if (of_inputs.is_boolean) {
    const auto& bytes = std::get<std::vector<uint8_t>>(of_inputs.values);
    of_inputs.values = std::vector<float>(bytes.begin(), bytes.end());
  }
  dataset.inputs = ColumnOf(std::move(of_inputs));
  ASSIGN_OR_RETURN(NpyArray of_targets, ReadArray(targets));
  RETURN_IF_ERROR(SetTargets(ColumnOf(std::move(of_targets)), options.to_predict, &dataset));
  dataset.mean = options.normalisation.mean;
  dataset.deviation = options.normalisation.deviation;
  return dataset;
}

}  // namespace

DataSource formats::npy(ConfigReader* config) {
  std::string targets, test_targets;
  config->Read("data.test_targets", &test_targets);
  if (config->Has("data.path") || !config->Has("data.test_path")) {
    config->Require("data.targets", &targets);
  } else {
    config->Read("data.targets", &targets);
  }
  if (config->Has("data.test_path") != config->Has("data.test_targets")) {
    config->Fail(config->Has("data.test_path") ? "data.test_path" : "data.test_targets",
                 "needs data.test_path and data.test_targets both: the inputs and the targets to test with");
  }
  const Options options{ReadTargetOptions(config), ReadNormalisation(config)};
  const std::string where = config->Where("data.targets"), where_test = config->Where("data.test_targets");
  return WithTestSplit(config, [=](const std::string& path, Files files) -> absl::StatusOr<Dataset> {
    const bool test = files == Files::kTest;
    RETURN_IF_ERROR(CheckThere(test ? where_test : where, test ? test_targets : targets));
    return Read(path, test ? test_targets : targets, options);
  });
}

}  // namespace signvote
