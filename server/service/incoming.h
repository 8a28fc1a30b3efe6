// A client's message as it comes off the wire. Ballots are nearly all of the bytes: their signs go from the received
// slices straight to where they are counted, one copy in all.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "common/sign_vector.h"
#include "proto/signvote/v1/federation.pb.h"
#include "server/service/plane_pool.h"

namespace google::protobuf::io {
class ZeroCopyInputStream;
}

namespace signvote {

struct Incoming {
  v1::ClientMessage message;
  // The words of a ballot's plain signs, of any length, which `message` then lacks; otherwise null.
  std::shared_ptr<SignVector> signs;
  uint64_t bytes = 0;  // on the wire, serialised
};

// Reads a ClientMessage that is one ballot block with plain signs and no zeros, the usual one; nothing for any other,
// well-formed or not: parse that from the start.
std::optional<Incoming> ReadPlainBallot(google::protobuf::io::ZeroCopyInputStream* stream, uint64_t bytes,
                                        PlanePool* pool);

}  // namespace signvote
