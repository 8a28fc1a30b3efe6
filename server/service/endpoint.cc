#include "server/service/endpoint.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>

#include "common/blocks.h"
#include "common/keepalive.h"
#include "common/status.h"

namespace signvote {
namespace {

// Time for TLS and HTTP/2 to introduce themselves: connections that say nothing are gone after it.
constexpr int kHandshakeMilliseconds = 10'000;
// Connections without a call.
constexpr int kIdleMilliseconds = 60'000;
constexpr int kMaxStreams = 16;  // of one connection, which one certificate opened
// The plugin of the reflection library puts itself into every builder.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins, [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

// host:port with the port that was really bound.
std::string Bound(const std::string& address, int port) {
  if (address.starts_with("unix:")) return address;
  return fmt::format("{}:{}", address.substr(0, address.rfind(':')), port);
}

}  // namespace

absl::StatusOr<Endpoint> Listen(const EndpointOptions& options, grpc::Service* service, Credentials* credentials) {
  RETURN_IF_ERROR(credentials->Permit(options.key, options.address));
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.address, credentials->ForServer(), &port);
  builder.RegisterService(service);
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Two servers on one port would share its clients by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  SetKeepalive(credentials->keepalive(), [&](const char* name, int value) { builder.AddChannelArgument(name, value); });
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMilliseconds);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kIdleMilliseconds);
  if (credentials->IsTls()) builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.SetResourceQuota(grpc::ResourceQuota(options.key).Resize(kReceiveBytes));
  Endpoint endpoint{builder.BuildAndStart(), Bound(options.address, port)};
  if (!endpoint.server || port == 0) {
    return Error(absl::StatusCode::kUnavailable, "{}: cannot listen on {}: is another process using it?", options.key,
                 options.address);
  }
  return endpoint;
}

}  // namespace signvote
