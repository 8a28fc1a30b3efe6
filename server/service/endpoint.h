// One gRPC server on one address, with the limits that keep a stranger from harming those who work.
#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "common/credentials.h"

namespace signvote {

// What gRPC may hold of messages that are not whole yet, over all connections: near it, windows shrink and senders
// wait. Without it, a thousand clients that send at once fill a gigabyte.
inline constexpr size_t kReceiveBytes = size_t{128} << 20;

struct EndpointOptions {
  std::string key;  // of the configuration, for messages: "listen"
  std::string address;
  bool reflection = false;
};

struct Endpoint {
  std::unique_ptr<grpc::Server> server;
  std::string address;  // with the port that was really bound
};

// Serves `service`, grpc.health.v1 and, if asked for, reflection. INVALID_ARGUMENT: plain text beyond loopback.
// UNAVAILABLE: the address cannot be listened on. `credentials` and `service` outlive the server.
absl::StatusOr<Endpoint> Listen(const EndpointOptions& options, grpc::Service* service, Credentials* credentials);

}  // namespace signvote
