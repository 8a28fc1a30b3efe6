#include "client/data/formats.h"

#include "common/status.h"

namespace signvote {
namespace {

struct Format {
  const char* name;
  absl::StatusOr<Dataset> (*load)(const std::string& path, Split split);
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

absl::StatusOr<Dataset> LoadDataset(const std::string& format, const std::string& path, Split split) {
  for (const Format& known : kFormats) {
    if (format != known.name) continue;
    ASSIGN_OR_RETURN(Dataset dataset, known.load(path, split));
    RETURN_IF_ERROR(ValidateDataset(dataset));
    return dataset;
  }
  return InvalidArgument("data.format is \"{}\", expected one of: {}", format, fmt::join(FormatNames(), ", "));
}

}  // namespace signvote
