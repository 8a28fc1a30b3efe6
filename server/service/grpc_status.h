// absl::Status as gRPC's own: the codes are the same by design.
#pragma once

#include <absl/status/status.h>
#include <grpcpp/grpcpp.h>

#include "common/status.h"

namespace signvote {

inline grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), Message(status)};
}

}  // namespace signvote
