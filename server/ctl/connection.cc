#include "server/ctl/connection.h"

#include "common/status.h"

namespace signvote::ctl {

absl::Status FromGrpc(const grpc::Status& status, const std::string& server) {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return Error(absl::StatusCode::kUnavailable,
                 "no answer from {}: {}; is signvote-server running, is this its "
                 "admin.listen (--server HOST:PORT), and does it ask for a certificate (--tls DIRECTORY)?",
                 server, status.error_message());
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

Connection::Connection(std::string server, const std::shared_ptr<grpc::ChannelCredentials>& credentials)
    : server_(std::move(server)) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(64 << 20);  // the detail of a client: one line a tensor and block
  stub_ = v1::Admin::NewStub(grpc::CreateCustomChannel(server_, credentials, arguments));
}

}  // namespace signvote::ctl
