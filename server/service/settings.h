// What the clients of a run should have alike: Join.settings. Pure.
#pragma once

#include <absl/status/status.h>

#include <string>
#include <utility>
#include <vector>

#include "server/round/registry.h"

namespace signvote {

// INVALID_ARGUMENT: more than federation.proto allows, or keys that are none.
absl::Status ValidateSettings(const v1::Join& join);

// What a client's joining shows. Where more of those that are connected have its value than another, those with the
// other are told of, once: when they become the fewer. Else it is told of, and told.
struct SettingsVerdict {
  std::string warning;                                      // for the client, without names; empty: nothing
  std::vector<std::pair<std::string, std::string>> events;  // by client: what is not as at others
};
SettingsVerdict JudgeSettings(const Client& client, const Registry& registry);

}  // namespace signvote
