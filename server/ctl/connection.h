// The admin service of one server, called synchronously.
#pragma once

#include <absl/status/statusor.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/keepalive.h"
#include "proto/signvote/v1/admin.grpc.pb.h"

namespace signvote::ctl {

// How to reach servers.
struct Transport {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  bool is_tls = false;
  absl::Duration keepalive = kKeepalive;  // a link that dies without a word ends what is being read from it
};

// A gRPC status as ours, its message naming the server; UNAVAILABLE says what to do.
absl::Status FromGrpc(const grpc::Status& status, const std::string& server, bool is_tls);

class Connection {
 public:
  Connection(std::string server, const Transport& transport);  // "HOST:PORT"

  const std::string& server() const { return server_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  v1::Admin::Stub& stub() { return *stub_; }

  // One unary call: connection.Call(&v1::Admin::Stub::GetStatus, request, &response). DEADLINE_EXCEEDED after `limit`.
  template <typename Request, typename Response>
  absl::Status Call(grpc::Status (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, std::chrono::seconds limit = std::chrono::seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    return Explain((stub_.get()->*method)(&context, request, response));
  }
  absl::Status Explain(const grpc::Status& status) const { return FromGrpc(status, server_, is_tls_); }

  // All of a stream, as Call.
  template <typename Request, typename Response>
  absl::StatusOr<std::vector<Response>> Collect(
      std::unique_ptr<grpc::ClientReader<Response>> (v1::Admin::Stub::*method)(grpc::ClientContext*, const Request&),
      const Request& request, std::chrono::seconds limit = std::chrono::seconds(30)) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    const auto stream = (stub_.get()->*method)(&context, request);
    std::vector<Response> all;
    for (Response response; stream->Read(&response);) all.push_back(response);
    if (const absl::Status status = Explain(stream->Finish()); !status.ok()) return status;
    return all;
  }

 private:
  std::string server_;
  bool is_tls_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Admin::Stub> stub_;
};

}  // namespace signvote::ctl
