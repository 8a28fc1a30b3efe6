// A federation service in this process that answers each stream with a function, on a port of the system's choice or on
// unix:PATH.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>

#include "proto/signvote/v1/federation.grpc.pb.h"

namespace signvote {

using Stream = grpc::ServerReaderWriter<v1::ServerMessage, v1::ClientMessage>;

class LocalServer : public v1::Federation::Service {
 public:
  using Body = std::function<grpc::Status(Stream*)>;
  explicit LocalServer(Body body, const std::string& listen = "127.0.0.1:0") : body_(std::move(body)), listen_(listen) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~LocalServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Session(grpc::ServerContext*, Stream* stream) override { return body_(stream); }
  std::string address() const { return listen_.starts_with("unix:") ? listen_ : "127.0.0.1:" + std::to_string(port_); }

 private:
  Body body_;
  const std::string listen_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace signvote
