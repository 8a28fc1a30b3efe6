#include "common/log.h"

#include <absl/time/clock.h>
#include <grpc/support/log.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>
#include <string_view>

#include "common/mutex.h"

namespace signvote {
namespace {

constexpr int kLinesAMinute = 20;

// What OpenSSL's words mean to whoever keeps the certificates.
const char* Explain(std::string_view message) {
  if (message.find("certificate verify failed") != message.npos) {
    return ": the other side's certificate has expired, or comes from another authority than tls.ca";
  }
  if (message.find("peer did not return a certificate") != message.npos) {
    return ": the other side has no certificate (tls.directory)";
  }
  if (message.find("wrong version number") != message.npos || message.find("http request") != message.npos) {
    return ": the other side speaks plain text, and here TLS is asked for";
  }
  return "";
}

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
  spdlog::warn("gRPC: {}{}", line->message, Explain(line->message));
}

}  // namespace

void StartLog(const std::string& program, const std::string& level) {
  auto logger = std::make_shared<spdlog::logger>(program, std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %n: %v");
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(LogOfGrpc);
}

}  // namespace signvote
