// NumPy arrays: data.path holds the inputs, data.targets the targets, sample by sample along the first dimension;
// data.test_path and data.test_targets those to test with.
//
// Inputs: uint8 count 0 to 1 (value / 255), floats as they are, other integers are tokens or categories. Targets:
// integers are classes (one a sample, or one a place of a sequence), floats are numbers.
#include "client/data/npy_file.h"
#include "client/data/source_keys.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

absl::StatusOr<Column> ReadColumn(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
  ASSIGN_OR_RETURN(NpyArray array, ParseNpy(file, bytes));
  if (array.shape.empty()) return InvalidArgument("{}: holds a single number, expected an array of samples", file);
  Column column;
  column.shape.assign(array.shape.begin() + 1, array.shape.end());
  column.values = std::move(array.values);
  return column;
}

absl::StatusOr<Dataset> Read(const std::string& inputs, const std::string& targets,
                             const Normalisation& normalisation) {
  Dataset dataset;
  dataset.source = fmt::format("{} and {}", inputs, targets);
  ASSIGN_OR_RETURN(dataset.inputs, ReadColumn(inputs));
  ASSIGN_OR_RETURN(Column column, ReadColumn(targets));
  SetTargets(std::move(column), &dataset);
  dataset.mean = normalisation.mean;
  dataset.deviation = normalisation.deviation;
  return dataset;
}

}  // namespace

DataSource formats::npy(ConfigReader* config) {
  std::string targets, test_targets;
  config->Require("data.targets", &targets);
  config->Read("data.test_targets", &test_targets);
  if (config->Has("data.test_path") != config->Has("data.test_targets")) {
    config->Fail(config->Has("data.test_path") ? "data.test_path" : "data.test_targets",
                 "needs data.test_path and data.test_targets both: the inputs and the targets to test with");
  }
  const Normalisation normalisation = ReadNormalisation(config);
  return WithTestSplit(config, [=](const std::string& path, Files files) {
    return Read(path, files == Files::kTest ? test_targets : targets, normalisation);
  });
}

}  // namespace signvote
