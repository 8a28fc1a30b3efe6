// A signvote server in one process: federation, gRPC endpoints, threads, clock and files put together.
#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "server/service/memory_plan.h"
#include "server/service/options.h"

namespace signvote {

// What a run of these options takes on this machine (memory_plan.h), by the header of its bundle alone.
absl::StatusOr<MemoryPlan> PlanRun(const ServerOptions& options);

class Server {
 public:
  // Refuses a run that this machine has not the memory for (RESOURCE_EXHAUSTED); recovers the run's directory, listens,
  // and writes addresses.json {"listen", "admin", "http"} there. Errors: of the bundle and the directory; UNAVAILABLE
  // when an address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  virtual ~Server() = default;

  // Serves until the run is finished or Stop is called; then says farewell, writes checkpoint and summary.
  virtual absl::Status Run() = 0;
  // From any thread.
  virtual void Stop(const std::string& why) = 0;

  virtual const std::string& listen_address() const = 0;
  virtual const std::string& admin_address() const = 0;
  virtual const std::string& http_address() const = 0;  // empty: none
};

}  // namespace signvote
