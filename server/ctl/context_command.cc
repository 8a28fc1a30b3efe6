// signvotectl context list, use, set, remove.
#include <fmt/format.h>

#include <filesystem>

#include "common/status.h"
#include "server/ctl/command.h"
#include "server/ctl/contexts.h"
#include "server/ctl/format.h"

namespace signvote::ctl {
namespace {

absl::Status List(const Context& context) {
  ASSIGN_OR_RETURN(const Contexts contexts, LoadContexts());
  Table table({{"", Table::Align::kLeft},
               {"context", Table::Align::kLeft},
               {"server", Table::Align::kLeft},
               {"certificate", Table::Align::kLeft}});
  Json json = {{"file", contexts.file}, {"current", contexts.current}, {"contexts", Json::array()}};
  for (const auto& [name, target] : contexts.all) {
    const std::string certificate = !target.tls.empty() ? target.tls : target.insecure ? "none, insecure" : "none";
    table.Add(
        {name == contexts.current ? "*" : "", name, fmt::format("{}", fmt::join(target.servers, ",")), certificate});
    json["contexts"].push_back(
        {{"name", name}, {"servers", target.servers}, {"tls", target.tls}, {"insecure", target.insecure}});
  }
  if (context.json) {
    context.PrintJson(json);
  } else if (contexts.all.empty()) {
    context.out << "no contexts in " << contexts.file
                << "; signvotectl context set NAME --server HOST:PORT makes one\n";
  } else {
    context.out << table.Render();
  }
  return absl::OkStatus();
}

// NOT_FOUND would be a matter of files: a wrong name is one of the command line.
absl::Status Known(const Contexts& contexts, const std::string& name) {
  Given given;
  given.context = name;
  return Choose(given, contexts).status();
}

absl::Status Use(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  RETURN_IF_ERROR(Known(contexts, name));
  contexts.current = name;
  RETURN_IF_ERROR(SaveContexts(contexts));
  context.out << fmt::format("using {}\n", name);
  return absl::OkStatus();
}

absl::Status Set(const Context& context, const std::string& name) {
  RETURN_IF_ERROR(CheckContextName(name));
  if (context.given.servers.empty()) {
    return InvalidArgument("context set {}: give its address by --server HOST:PORT (of all shards: A,B,...)", name);
  }
  if (context.given.insecure && !context.given.tls.empty()) {
    return InvalidArgument("context set {}: give one of --tls and --insecure", name);
  }
  ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  Target& target = contexts.all[name];
  target = {context.given.servers, context.given.tls, context.given.insecure};
  if (!target.tls.empty()) target.tls = std::filesystem::absolute(target.tls).lexically_normal().string();
  if (contexts.current.empty()) contexts.current = name;
  RETURN_IF_ERROR(SaveContexts(contexts));
  context.out << fmt::format("{} is {}{}\n", name, fmt::join(target.servers, ","),
                             contexts.current == name ? ", and in use" : "");
  return absl::OkStatus();
}

absl::Status Remove(const Context& context, const std::string& name) {
  ASSIGN_OR_RETURN(Contexts contexts, LoadContexts());
  RETURN_IF_ERROR(Known(contexts, name));
  contexts.all.erase(name);
  const bool was_current = contexts.current == name;
  if (was_current) contexts.current.clear();
  RETURN_IF_ERROR(SaveContexts(contexts));
  context.out << fmt::format("{} is removed{}\n", name, was_current ? "; no context is in use now" : "");
  return absl::OkStatus();
}

using Action = absl::Status (*)(const Context&, const std::string&);

void AddNamed(CLI::App* parent, Context* context, const Help& help, Action action, const std::string& type) {
  CLI::App* command = AddCommand(parent, help);
  auto name = std::make_shared<std::string>();
  command->add_option("NAME", *name, "The context")->required()->type_name(type);
  command->callback([=] { context->run = [=] { return action(*context, *name); }; });
}

}  // namespace

void AddContextCommand(CLI::App* app, Context* context) {
  CLI::App* parent =
      AddCommand(app, {"context", "Servers under a name, kept in ~/.config/signvote/config.yaml",
                       "signvotectl context set lab --server fed.example.org:7401 --tls certs/admins/ada\n"
                       "signvotectl context set pair --server 10.0.0.5:7401,10.0.0.6:7401 --insecure\n"
                       "signvotectl context use lab\n"
                       "signvotectl --context pair status"});
  parent->require_subcommand(1);
  AddCommand(parent, {"list", "The contexts; * marks the one in use", "signvotectl context list"})->callback([context] {
    context->run = [context] { return List(*context); };
  });
  AddNamed(parent, context, {"use", "Speak to this one when nothing else is said", "signvotectl context use lab"}, Use,
           "CONTEXT");
  AddNamed(
      parent, context,
      {"set", "Keep --server, --tls and --insecure of this command line under a name; the first one is in use at once",
       "signvotectl context set lab --server fed.example.org:7401 --tls certs/admins/ada"},
      Set, "CONTEXT");
  AddNamed(parent, context, {"remove", "Forget a context", "signvotectl context remove lab"}, Remove, "CONTEXT");
}

}  // namespace signvote::ctl
