// What the clients of a run should have alike: Join.settings. Pure.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <string>
#include <vector>

#include "server/round/registry.h"

namespace signvote {

// INVALID_ARGUMENT: more than federation.proto allows, or keys that are none.
absl::Status ValidateSettings(const v1::Join& join);

// A setting that some of the other clients that are connected have otherwise.
struct SettingDifference {
  std::string key;
  size_t others = 0;                 // who say what they have
  std::vector<std::string> unequal;  // ... of which these have another value, by name
};
std::vector<SettingDifference> CompareSettings(const Client& client, const Registry& registry);

// "data.mean is not that of 2 of 5 other clients; ...", `with_names` "... (ada, bob)". Empty: no difference.
std::string DifferencesText(const std::vector<SettingDifference>& differences, bool with_names);

}  // namespace signvote
