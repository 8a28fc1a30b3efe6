#include "server/ctl/target.h"

#include <set>

#include "common/config_path.h"
#include "common/status.h"

namespace signvote::ctl {

absl::StatusOr<Target> Choose(const Given& given, const Contexts& contexts) {
  Target target;
  const std::string name = given.context ? *given.context : given.servers.empty() ? contexts.current : "";
  if (!name.empty()) {
    const auto found = contexts.all.find(name);
    if (found == contexts.all.end()) {
      std::set<std::string> names;
      for (const auto& [known, unused] : contexts.all) names.insert(known);
      return InvalidArgument(
          "{} has no context \"{}\"{} (signvotectl context list, context set NAME --server HOST:PORT)", contexts.file,
          name, Suggestion(name, names));
    }
    target = found->second;
  }
  if (!given.servers.empty()) target.servers = given.servers;
  if (!given.tls.empty()) {
    target.tls = given.tls;
    target.insecure = false;
  }
  if (given.insecure) target.insecure = true;
  return target;
}

}  // namespace signvote::ctl
