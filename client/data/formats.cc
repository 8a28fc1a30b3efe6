#include "client/data/formats.h"

#include "common/status.h"

namespace signvote {
namespace {

struct Format {
  const char* name;
  DataSource (*configure)(ConfigReader* config);
};

constexpr Format kFormats[] = {
#define SIGNVOTE_FORMAT_ENTRY(name) {#name, formats::name},
    SIGNVOTE_FORMATS(SIGNVOTE_FORMAT_ENTRY)
#undef SIGNVOTE_FORMAT_ENTRY
};

}  // namespace

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.push_back(format.name);
  return names;
}

DataSource ReadDataSource(ConfigReader* config) {
  std::string name = "mnist";
  config->Read("data.format", &name);
  for (const Format& format : kFormats) {
    if (name != format.name) continue;
    return [source = format.configure(config)](Split split) -> absl::StatusOr<Dataset> {
      ASSIGN_OR_RETURN(Dataset dataset, source(split));
      RETURN_IF_ERROR(ValidateDataset(dataset));
      return dataset;
    };
  }
  config->Fail("data.format", fmt::format("is \"{}\", expected one of: {}", name, fmt::join(FormatNames(), ", ")));
  return nullptr;
}

}  // namespace signvote
