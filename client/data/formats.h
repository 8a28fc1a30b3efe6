// The formats of `data.format`. A new one is a file that defines formats::NAME and a line in SIGNVOTE_FORMATS.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "client/data/dataset.h"

namespace signvote {

enum class Split { kTrain, kTest };

#define SIGNVOTE_FORMATS(FORMAT)                                    \
  FORMAT(mnist)   /* IDX files, plain or .gz; also Fashion-MNIST */ \
  FORMAT(cifar10) /* CIFAR-10's binary batches */                   \
  FORMAT(digits)  /* drawn, from no file */

// Each reads one split from the directory `path`.
// NOT_FOUND: a file is missing. INVALID_ARGUMENT: it is damaged; the message names the file, what was expected and what
// was found.
namespace formats {
#define SIGNVOTE_DECLARE_FORMAT(name) absl::StatusOr<Dataset> name(const std::string& path, Split split);
SIGNVOTE_FORMATS(SIGNVOTE_DECLARE_FORMAT)
#undef SIGNVOTE_DECLARE_FORMAT
}  // namespace formats

std::vector<std::string> FormatNames();

// INVALID_ARGUMENT: no such format (lists those that exist); else as the format's reader. What it returns is validated.
absl::StatusOr<Dataset> LoadDataset(const std::string& format, const std::string& path, Split split);

}  // namespace signvote
