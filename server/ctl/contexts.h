// The file of contexts: servers under a name, and which of them is meant when none is named.
//
//   current: lab
//   contexts:
//     lab: {server: "fed.example.org:7401", tls: /home/ada/certs/admins/ada}
//     pair: {server: "10.0.0.5:7401,10.0.0.6:7401", insecure: true}
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "server/ctl/target.h"

namespace signvote::ctl {

// $XDG_CONFIG_HOME/signvote/config.yaml, or the same in ~/.config. FAILED_PRECONDITION: neither variable is set.
absl::StatusOr<std::string> ContextsPath();

// INVALID_ARGUMENT names file, line and key.
absl::StatusOr<Contexts> ParseContexts(const std::string& text, const std::string& file);
// Of ContextsPath; a file that is not there has no contexts.
absl::StatusOr<Contexts> LoadContexts();

std::string RenderContexts(const Contexts& contexts);  // as YAML
absl::Status SaveContexts(const Contexts& contexts);

// INVALID_ARGUMENT unless 1 to 64 of [A-Za-z0-9_-].
absl::Status CheckContextName(const std::string& name);

std::vector<std::string> SplitServers(const std::string& list);  // at commas, none of them empty

}  // namespace signvote::ctl
