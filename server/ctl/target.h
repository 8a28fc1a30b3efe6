// Which servers a command speaks to: the command line, else a context, else this machine. Pure.
#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace signvote::ctl {

struct Target {
  std::vector<std::string> servers = {"127.0.0.1:7401"};  // of one run
  std::string tls;                                        // directory of the certificate; empty: plain text
  bool insecure = false;
};

// What ~/.config/signvote/config.yaml says.
struct Contexts {
  std::string file;
  std::string current;  // empty: none
  std::map<std::string, Target> all;
};

// What the command line says.
struct Given {
  std::optional<std::string> context;
  std::vector<std::string> servers;
  std::string tls;
  bool insecure = false;
};

// Each option goes before that of the context. Where servers are given and no context, the current one is not used at
// all: its certificate is not meant for them. INVALID_ARGUMENT: no context of this name.
absl::StatusOr<Target> Choose(const Given& given, const Contexts& contexts);

}  // namespace signvote::ctl
