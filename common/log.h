// Logging by spdlog: one line an event, to stderr; gRPC's own errors too, explained and few a minute. `level` is one of
// trace, debug, info, warn, error.
#pragma once

#include <absl/status/status.h>
#include <spdlog/spdlog.h>

#include <string>

namespace signvote {

void StartLog(const std::string& program, const std::string& level);

// From any thread. INVALID_ARGUMENT: no such level.
absl::Status SetLogLevel(const std::string& level);
std::string LogLevel();

}  // namespace signvote
