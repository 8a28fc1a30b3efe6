#include "server/ctl/command.h"

#include "common/credentials.h"
#include "server/ctl/contexts.h"
#include "server/ctl/render.h"

namespace signvote::ctl {

void Context::Print(const google::protobuf::Message& message, const std::string& text) const {
  if (json) {
    PrintJson(ToJson(message));
  } else {
    out << text << std::flush;
  }
}

absl::StatusOr<Target> Context::Choose() const {
  if (!given.context && !given.servers.empty()) return ctl::Choose(given, {});
  const absl::StatusOr<Contexts> contexts = LoadContexts();
  // A home that is not ours, as in a container, holds nothing for us.
  if (!given.context && absl::IsPermissionDenied(contexts.status())) return ctl::Choose(given, {});
  RETURN_IF_ERROR(contexts.status());
  return ctl::Choose(given, *contexts);
}

// The certificates are read once: no command lasts longer than they do.
absl::StatusOr<Shards> Context::Open(const Target& target) const {
  TransportOptions transport;
  if (!target.tls.empty()) transport.tls = TlsPathsIn(target.tls);
  transport.insecure = target.insecure;
  ASSIGN_OR_RETURN(const std::unique_ptr<Credentials> credentials, Credentials::Load(transport));
  for (const std::string& server : target.servers) RETURN_IF_ERROR(credentials->Permit("--server", server));
  return Shards(target.servers, {credentials->ForChannel(), credentials->IsTls(), credentials->keepalive()});
}

absl::StatusOr<Shards> Context::Connect() const {
  ASSIGN_OR_RETURN(const Target target, Choose());
  ASSIGN_OR_RETURN(Shards shards, Open(target));
  RETURN_IF_ERROR(shards.Arrange());
  return shards;
}

void Context::Print(const v1::RunStatus& merged, const std::string& text, Shards& shards,
                    const std::vector<v1::RunStatus>& each) const {
  if (each.size() == 1) return Print(merged, text);
  std::vector<std::string> names;
  for (size_t i = 0; i < each.size(); ++i) names.push_back(shards.at(i).server());
  if (!json) {
    out << text << RenderShards(names, each) << std::flush;
    return;
  }
  Json whole = ToJson(merged);
  for (size_t i = 0; i < each.size(); ++i) {
    Json shard = {{"server", names[i]}};
    shard.update(ToJson(each[i]));
    whole["shards"].push_back(std::move(shard));
  }
  PrintJson(whole);
}

CLI::App* AddCommand(CLI::App* parent, const Help& help) {
  CLI::App* command = parent->add_subcommand(help.name, help.does);
  std::string footer = "Examples:";
  for (size_t begin = 0; begin < help.examples.size();) {
    const size_t end = std::min(help.examples.find('\n', begin), help.examples.size());
    footer += "\n  " + help.examples.substr(begin, end - begin);
    begin = end + 1;
  }
  command->footer(footer);
  return command;
}

void Context::PrintJson(const Json& json_value) const { out << TextOf(json_value, 2) << std::endl; }

}  // namespace signvote::ctl
