#include "server/ctl/contexts.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "common/config.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote::ctl {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Target ReadTarget(ConfigReader& reader, const std::string& key) {
  Target target;
  std::string servers;
  reader.Read(key + ".server", &servers);
  reader.Read(key + ".tls", &target.tls);
  reader.Read(key + ".insecure", &target.insecure);
  if (target.insecure && !target.tls.empty())
    reader.Fail(key + ".insecure", "is true beside tls: expected one of them");
  target.servers = SplitServers(servers);
  return target;
}

}  // namespace

absl::StatusOr<std::string> ContextsPath() {
  const std::string xdg = Environment("XDG_CONFIG_HOME"), home = Environment("HOME");
  if (!xdg.empty()) return xdg + "/signvote/config.yaml";
  if (!home.empty()) return home + "/.config/signvote/config.yaml";
  return Error(absl::StatusCode::kFailedPrecondition,
               "neither XDG_CONFIG_HOME nor HOME is set, so there is no place for contexts");
}

std::vector<std::string> SplitServers(const std::string& list) { return absl::StrSplit(list, ',', absl::SkipEmpty()); }

absl::Status CheckContextName(const std::string& name) {
  const bool is_plain =
      !name.empty() && name.size() <= 64 &&
      name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") == name.npos;
  if (is_plain) return absl::OkStatus();
  return InvalidArgument("context name \"{}\": expected 1 to 64 letters, digits, \"_\" and \"-\"", name);
}

absl::StatusOr<Contexts> ParseContexts(const std::string& text, const std::string& file) {
  ASSIGN_OR_RETURN(const Config config, Config::Parse(text, file, {}));
  ConfigReader reader(config);
  Contexts contexts;
  contexts.file = file;
  reader.Read("current", &contexts.current);
  const YAML::Node all = config.root()["contexts"];
  if (all && all.IsMap() && all.size() > 0) {
    for (const auto& pair : all) {
      const std::string& name = pair.first.Scalar();
      const std::string key = "contexts." + name;
      if (const absl::Status named = CheckContextName(name); !named.ok())
        return reader.Fail(key, Message(named)), reader.Finish();
      contexts.all[name] = ReadTarget(reader, key);
    }
  } else {
    std::map<std::string, std::string> none;  // absent, empty, or no section at all: an error then
    reader.Read("contexts", &none);
  }
  if (!contexts.current.empty() && !contexts.all.contains(contexts.current)) {
    reader.Fail("current", fmt::format("is \"{}\": expected a name of `contexts`", contexts.current));
  }
  RETURN_IF_ERROR(reader.Finish());
  for (const auto& [name, target] : contexts.all) {
    if (!target.servers.empty()) continue;
    return InvalidArgument("{} has no server: expected server: HOST:PORT of admin.listen, of shards A,B,...",
                           reader.Where("contexts." + name));
  }
  return contexts;
}

absl::StatusOr<Contexts> LoadContexts() {
  Contexts none;
  const absl::StatusOr<std::string> path = ContextsPath();
  if (!path.ok()) return none;
  none.file = *path;
  const absl::StatusOr<std::string> text = ReadFile(*path);
  if (absl::IsNotFound(text.status())) return none;
  RETURN_IF_ERROR(text.status());
  return ParseContexts(*text, *path);
}

std::string RenderContexts(const Contexts& contexts) {
  YAML::Node root(YAML::NodeType::Map);
  if (!contexts.current.empty()) root["current"] = contexts.current;
  for (const auto& [name, target] : contexts.all) {
    YAML::Node context = root["contexts"][name];
    context["server"] = fmt::format("{}", fmt::join(target.servers, ","));
    if (!target.tls.empty()) context["tls"] = target.tls;
    if (target.insecure) context["insecure"] = true;
  }
  return YAML::Dump(root) + "\n";
}

absl::Status SaveContexts(const Contexts& contexts) {
  ASSIGN_OR_RETURN(const std::string path, ContextsPath());
  RETURN_IF_ERROR(MakeDirectories(std::filesystem::path(path).parent_path().string()));
  return WriteFileAtomically(path, RenderContexts(contexts));
}

}  // namespace signvote::ctl
