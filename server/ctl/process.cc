// signvotectl logs level, config show: of the server processes themselves.
#include <fmt/format.h>

#include "server/ctl/command.h"

namespace signvote::ctl {
namespace {

absl::Status SetLevel(const Context& context, const v1::SetLogLevelRequest& request) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<v1::SetLogLevelResponse> each,
                   shards.Call(&v1::Admin::Stub::SetLogLevel, request));
  Json json = Json::array();
  for (size_t i = 0; i < each.size(); ++i) {
    const std::string& server = shards.at(i).server();
    json.push_back({{"server", server}, {"level", request.level()}, {"before", each[i].before()}});
    if (!context.json) {
      context.out << fmt::format("{} logs {}, it was {}\n", server, request.level(), each[i].before());
    }
  }
  if (context.json) context.PrintJson(each.size() == 1 ? json[0] : json);
  return absl::OkStatus();
}

// One server's is a file that it takes; of several each is a document of its own.
absl::Status ShowConfig(const Context& context) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<v1::GetConfigResponse> each,
                   shards.Call(&v1::Admin::Stub::GetConfig, v1::GetConfigRequest()));
  if (context.json) {
    Json json = Json::array();
    for (size_t i = 0; i < each.size(); ++i) {
      json.push_back({{"server", shards.at(i).server()}, {"yaml", each[i].yaml()}});
    }
    context.PrintJson(each.size() == 1 ? json[0] : json);
    return absl::OkStatus();
  }
  for (size_t i = 0; i < each.size(); ++i) {
    if (each.size() > 1) context.out << (i > 0 ? "---\n# " : "# ") << shards.at(i).server() << "\n";
    context.out << each[i].yaml();
  }
  context.out << std::flush;
  return absl::OkStatus();
}

}  // namespace

void AddProcessCommands(CLI::App* app, Context* context) {
  CLI::App* logs = AddCommand(app, {"logs", "What the server logs", "signvotectl logs level debug"});
  logs->require_subcommand(1);
  CLI::App* level = AddCommand(logs, {"level", "Change what is logged, until the server's process ends",
                                      "signvotectl logs level debug\nsignvotectl logs level info"});
  auto request = std::make_shared<v1::SetLogLevelRequest>();
  level
      ->add_option_function<std::string>(
          "LEVEL", [request](const std::string& word) { request->set_level(word); }, "The least that is logged")
      ->required()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  level->callback([=] { context->run = [=] { return SetLevel(*context, *request); }; });

  CLI::App* config = AddCommand(app, {"config", "How the server is configured", "signvotectl config show"});
  config->require_subcommand(1);
  AddCommand(config, {"show", "The configuration in force as a server.yaml: defaults, --set and later changes included",
                      "signvotectl config show\nsignvotectl config show > server.yaml"})
      ->callback([=] { context->run = [=] { return ShowConfig(*context); }; });
}

}  // namespace signvote::ctl
