// The admin service of one server, called synchronously.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "proto/signvote/v1/admin.grpc.pb.h"

namespace signvote::ctl {

// A gRPC status as ours, its message naming the server; UNAVAILABLE says what to check.
absl::Status FromGrpc(const grpc::Status& status, const std::string& server);

class Connection {
 public:
  Connection(std::string server, const std::shared_ptr<grpc::ChannelCredentials>& credentials);  // "HOST:PORT"

  const std::string& server() const { return server_; }
  v1::Admin::Stub& stub() { return *stub_; }

  // One unary call: connection.Call(&v1::Admin::Stub::GetStatus, request, &response). DEADLINE_EXCEEDED after `limit`.
  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, std::chrono::seconds limit = std::chrono::seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    return FromGrpc((stub_.get()->*method)(&context, request, response), server_);
  }

 private:
  std::string server_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace signvote::ctl
