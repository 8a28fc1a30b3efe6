// Whether servers are the shards of one run: pure.
#pragma once

#include <absl/status/status.h>

#include <span>
#include <string>

#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

struct ShardWelcome {
  std::string address;
  const v1::Welcome* welcome = nullptr;  // null: not heard of yet
};

// FAILED_PRECONDITION, with the addresses and what differs: they have not the same model, parameters or terms, or a
// block belongs to two of them or, once all are heard of, to none.
absl::Status CheckShards(std::span<const ShardWelcome> shards);

}  // namespace signvote
