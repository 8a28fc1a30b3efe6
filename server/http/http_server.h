// The server's HTTP endpoint: /metrics for Prometheus, /healthz, /api as JSON, and / the dashboard. It only reads.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "server/http/sources.h"

namespace signvote {

class HttpServer {
 public:
  // Serves on HOST:PORT (port 0: any) until it is destroyed, on threads of its own. UNAVAILABLE: cannot listen there.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address, Sources sources);
  virtual ~HttpServer() = default;

  // HOST:PORT with the port that was bound.
  virtual const std::string& address() const = 0;
};

}  // namespace signvote
