// Errors that come from outside: absl::Status with a formatted sentence that names the thing, its value, what was
// expected and what to do. (Debian's Abseil does not take std::string_view, hence fmt instead of absl::StrCat.)
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <string>
#include <utility>

namespace signvote {

template <typename... Args>
absl::Status Error(absl::StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  return absl::Status(code, fmt::format(format, std::forward<Args>(args)...));
}

template <typename... Args>
absl::Status InvalidArgument(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

// The same status with `context` and ": " before its message.
absl::Status Annotate(const absl::Status& status, const std::string& context);

// Exit codes of all three programs, documented in --help.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,      // anything without a code of its own
  kExitUsage = 2,        // the command line, a configuration file or an argument is wrong
  kExitUnavailable = 3,  // the server cannot be reached, or went away for good
  kExitData = 4,         // a data set, bundle, journal or checkpoint is missing or damaged
  kExitRefused = 5,      // the server said no: name taken, evicted, not permitted, wrong state
};

int ExitCodeOf(const absl::Status& status);

}  // namespace signvote

#define SIGNVOTE_CONCAT_INNER(a, b) a##b
#define SIGNVOTE_CONCAT(a, b) SIGNVOTE_CONCAT_INNER(a, b)

#define RETURN_IF_ERROR(expression)                                                                 \
  do {                                                                                              \
    if (absl::Status error_to_return = (expression); !error_to_return.ok()) return error_to_return; \
  } while (false)

#define ASSIGN_OR_RETURN(left, expression) \
  ASSIGN_OR_RETURN_INNER(SIGNVOTE_CONCAT(statusor_, __LINE__), left, expression)
#define ASSIGN_OR_RETURN_INNER(temporary, left, expression) \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return temporary.status();           \
  left = *std::move(temporary)
