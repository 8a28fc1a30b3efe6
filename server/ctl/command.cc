#include "server/ctl/command.h"

#include "server/ctl/render.h"

namespace signvote::ctl {

void Context::Print(const google::protobuf::Message& message, const std::string& text) const {
  if (json) {
    PrintJson(ToJson(message));
  } else {
    out << text << std::flush;
  }
}

absl::StatusOr<Shards> Context::Connect() const {
  Shards shards(servers, credentials);
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

void Context::PrintJson(const Json& json_value) const { out << json_value.dump(2) << std::endl; }

}  // namespace signvote::ctl
