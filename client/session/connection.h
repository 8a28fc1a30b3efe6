// One gRPC stream to a server. A thread of its own opens it and brings what it says to an inbox: ConnectionOpened, then
// MessageReceived*, then ConnectionEnded.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "client/session/inbox.h"
#include "common/keepalive.h"
#include "common/mutex.h"
#include "proto/signvote/v1/federation.grpc.pb.h"

namespace signvote {

// One thread owns it; Send may wait until the network has taken the message.
class Connection {
 public:
  // `server` is "HOST:PORT". `number` goes into every event. The inbox outlives the connection.
  Connection(const std::string& server, std::shared_ptr<grpc::ChannelCredentials> credentials, uint64_t number,
             Inbox* inbox, absl::Duration keepalive = kKeepalive);
  // Cancels what is left of the stream.
  ~Connection();
  Connection(const Connection&) = delete;

  uint64_t number() const { return number_; }

  // Before ConnectionOpened, and on a broken stream, it swallows the message: ConnectionEnded follows.
  void Send(const v1::ClientMessage& message);

  // Says that nothing more comes, and waits until the server has ended the stream, at most `limit`. What the server
  // still says is dropped.
  void Close(absl::Duration limit);

 private:
  void Run();

  const uint64_t number_;
  Inbox* const inbox_;
  std::unique_ptr<v1::Federation::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::ClientMessage, v1::ServerMessage>>
      stream_;  // set before ConnectionOpened

  std::atomic<bool> opened_{false};  // stream_ is there
  std::atomic<bool> closing_{false};
  Mutex mu_;
  CondVar ended_changed_;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace signvote
