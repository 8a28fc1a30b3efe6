// What a server's Welcome says of the run that it holds, checked. Pure.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/safetensors.h"
#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

struct RunOutline {
  std::vector<TensorShape> tensors;  // of the whole model
  BlockRange range;                  // that this server holds
};

// INVALID_ARGUMENT: the tensors are not those of a model of so many parameters, it has no such blocks, or the server
// gives the client of this name another id.
absl::StatusOr<RunOutline> ReadWelcome(const v1::Welcome& welcome, const std::string& name);

// For the log of a client that comes back to find another run.
std::string OtherRunText(const v1::Welcome& before, const v1::Welcome& now, const std::string& name);

}  // namespace signvote
