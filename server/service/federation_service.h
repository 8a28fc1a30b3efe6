// The gRPC shell of Federation: one reactor a stream, raw frames, so that a decision is serialised once for all.
#pragma once

#include <grpcpp/grpcpp.h>

#include <unordered_map>

#include "common/mutex.h"
#include "proto/signvote/v1/federation.grpc.pb.h"
#include "server/service/access.h"
#include "server/service/federation.h"

namespace signvote {

// Thread-safe. Made before the Federation, which wakes sessions through it.
class FederationService final : public v1::Federation::WithRawCallbackMethod_Session<v1::Federation::Service> {
 public:
  void Serve(Federation* federation, const Access* access) {
    federation_ = federation;
    access_ = access;
  }

  // A session may have something to send.
  void Wake(SessionId id);

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Session(grpc::CallbackServerContext* context) override;

 private:
  class Reactor;

  Federation* federation_ = nullptr;
  const Access* access_ = nullptr;
  Mutex mu_;
  std::unordered_map<SessionId, std::shared_ptr<Reactor>> reactors_ ABSL_GUARDED_BY(mu_);
};

}  // namespace signvote
