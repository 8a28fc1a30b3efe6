// The formats of `data.format`. A new one is a file that defines formats::NAME and a line in SIGNVOTE_FORMATS.
#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "client/data/dataset.h"
#include "common/config.h"

namespace signvote {

enum class Split { kTrain, kTest };

// Reads one split when it is called.
// NOT_FOUND: a file is missing. INVALID_ARGUMENT: it is damaged, or the configuration names no such split; the message
// names the file (and line), what was expected and what was found.
using DataSource = std::function<absl::StatusOr<Dataset>(Split)>;

#define SIGNVOTE_FORMATS(FORMAT)                                    \
  FORMAT(mnist)   /* IDX files, plain or .gz; also Fashion-MNIST */ \
  FORMAT(cifar10) /* CIFAR-10's binary batches */                   \
  FORMAT(digits)  /* drawn, from no file */                         \
  FORMAT(csv)     /* tables of numbers */                           \
  FORMAT(npy)     /* NumPy arrays: inputs and targets */            \
  FORMAT(images)  /* a directory a class: JPEG, PNG */              \
  FORMAT(tokens)  /* text: predict the next token */                \
  SIGNVOTE_LIBTORCH_FORMATS(FORMAT)

#ifdef SIGNVOTE_LIBTORCH
#define SIGNVOTE_LIBTORCH_FORMATS(FORMAT) FORMAT(tensors) /* torch.save((inputs, targets)) */
#else
#define SIGNVOTE_LIBTORCH_FORMATS(FORMAT)
#endif

// Each asks `config` for the keys of `data` that it has, which reports those that are wrong, and returns what reads by
// them. Keys that no one asks for are errors.
namespace formats {
#define SIGNVOTE_DECLARE_FORMAT(name) DataSource name(ConfigReader* config);
SIGNVOTE_FORMATS(SIGNVOTE_DECLARE_FORMAT)
#undef SIGNVOTE_DECLARE_FORMAT
}  // namespace formats

std::vector<std::string> FormatNames();

// Asks for data.format, and for the keys of that format. What the source returns is validated.
DataSource ReadDataSource(ConfigReader* config);

}  // namespace signvote
