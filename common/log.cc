#include "common/log.h"

#include <absl/time/clock.h>
#include <grpc/support/log.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

#include "common/connection_hint.h"
#include "common/mutex.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr int kLinesAMinute = 20;
constexpr const char* kLevels[] = {"trace", "debug", "info", "warn", "error"};

// What gRPC says of its own accord; strangers can make it say as much as they like.
void LogOfGrpc(gpr_log_func_args* line) {
  static Mutex mu;
  static absl::Time minute;
  static int lines = 0;
  MutexLock lock(mu);
  if (const absl::Time now = absl::Now(); now - minute >= absl::Minutes(1)) {
    if (lines > kLinesAMinute) spdlog::warn("gRPC said as much {} more times", lines - kLinesAMinute);
    minute = now;
    lines = 0;
  }
  if (++lines > kLinesAMinute) return;
  const std::string hint = ConnectionHint(line->message, true);
  spdlog::warn("gRPC: {}{}{}", line->message, hint.empty() ? "" : ": ", hint);
}

}  // namespace

void StartLog(const std::string& program, const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(LogOfGrpc);
}

absl::Status SetLogLevel(const std::string& level) {
  for (const char* known : kLevels) {
    if (level != known) continue;
    spdlog::set_level(spdlog::level::from_str(level));
    return absl::OkStatus();
  }
  return InvalidArgument("log level \"{}\": expected one of {}", level, fmt::join(kLevels, ", "));
}

std::string LogLevel() {
  for (const char* known : kLevels) {
    if (spdlog::get_level() == spdlog::level::from_str(known)) return known;
  }
  return "off";
}

}  // namespace signvote
