// Data sets by what a user writes under `data:`.
#pragma once

#include <gtest/gtest.h>

#include "client/data/formats.h"
#include "common/status.h"

namespace signvote {

// `yaml` is a flow mapping: "{format: digits}", and perhaps lines of other keys. INVALID_ARGUMENT: as ConfigReader.
inline absl::StatusOr<DataSource> ParseSource(const std::string& yaml) {
  ASSIGN_OR_RETURN(const Config config, Config::Parse("data: " + yaml + "\n", "client.yaml", {}));
  ConfigReader reader(config);
  DataSource source = ReadDataSource(&reader);
  RETURN_IF_ERROR(reader.Finish());
  return source;
}

inline absl::StatusOr<Dataset> LoadData(const std::string& yaml, Split split = Split::kTrain) {
  ASSIGN_OR_RETURN(const DataSource source, ParseSource(yaml));
  return source(split);
}

template <typename T>
const std::vector<T>& ValuesOf(const Column& column) {
  return std::get<std::vector<T>>(column.values);
}

}  // namespace signvote
