#include "server/ctl/connection.h"

#include "common/connection_hint.h"
#include "common/status.h"

namespace signvote::ctl {

absl::Status FromGrpc(const grpc::Status& status, const std::string& server, bool is_tls) {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    const std::string hint = ConnectionHint(status.error_message(), is_tls);
    return Error(
        absl::StatusCode::kUnavailable, "no answer from {}: {}; {}", server, WithoutPreamble(status.error_message()),
        hint.empty() ? "is signvote-server running, and is this its admin.listen (--server HOST:PORT)?" : hint);
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return Error(absl::StatusCode::kUnavailable,
                 "no answer from {} in time: is the machine up, and does a firewall let this port through?", server);
  }
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
    return Error(
        absl::StatusCode::kUnimplemented,
        "{} knows no such call: is this the server's admin.listen, and of the same version? (--server HOST:PORT)",
        server);
  }
  if (status.error_code() == grpc::StatusCode::NOT_FOUND) {  // of a client's name, not of our files: a refusal
    return Error(absl::StatusCode::kFailedPrecondition, "{}: {}", server, status.error_message());
  }
  // gRPC and Abseil number their codes alike.
  return Error(static_cast<absl::StatusCode>(status.error_code()), "{}: {}", server, status.error_message());
}

Connection::Connection(std::string server, const Transport& transport)
    : server_(std::move(server)), is_tls_(transport.is_tls) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);                // the detail of a client: one line a tensor and block
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);  // somebody watches
  SetKeepalive(transport.keepalive, [&](const char* name, int value) { arguments.SetInt(name, value); });
  channel_ = grpc::CreateCustomChannel(server_, transport.credentials, arguments);
  stub_ = v1::Admin::NewStub(channel_);
}

}  // namespace signvote::ctl
