// signvotectl completion bash|zsh, and what its scripts ask.
#include "server/ctl/completion_command.h"

#include "server/ctl/command.h"
#include "server/ctl/completion.h"
#include "server/ctl/contexts.h"

namespace signvote::ctl {
namespace {

constexpr auto kPatience = std::chrono::seconds(1);

std::vector<std::string> ContextNames() {
  std::vector<std::string> names;
  if (const absl::StatusOr<Contexts> contexts = LoadContexts(); contexts.ok()) {
    for (const auto& [name, target] : contexts->all) names.push_back(name);
  }
  return names;
}

// Of the server that the options given so far mean.
std::vector<std::string> ClientNames(const std::map<std::string, std::string>& options) {
  Context context;
  const auto text = [&](const char* name) { return options.contains(name) ? options.at(name) : ""; };
  if (options.contains("context")) context.given.context = text("context");
  context.given.servers = SplitServers(text("server"));
  context.given.tls = text("tls");
  context.given.insecure = options.contains("insecure");
  std::vector<std::string> names;
  const absl::StatusOr<Target> target = context.Choose();
  if (!target.ok()) return names;
  absl::StatusOr<Shards> shards = context.Open(*target);
  if (!shards.ok()) return names;
  v1::ListClientsResponse clients;
  if (!shards->at(0).Call(&v1::Admin::Stub::ListClients, v1::ListClientsRequest(), &clients, kPatience).ok())
    return names;
  for (const v1::ClientSummary& client : clients.clients()) names.push_back(client.name());
  return names;
}

}  // namespace

void AnswerShell(const CLI::App& app, const std::vector<std::string>& words, std::ostream& out) {
  const Completion completion = Complete(app, words);
  for (const Candidate& candidate : completion.candidates) out << candidate.word << '\t' << candidate.about << '\n';
  const std::string& wants = completion.wants;
  if (wants == "FILE") out << ":files\n";
  if (wants == "DIRECTORY") out << ":directories\n";
  for (const std::string& name : wants == "CONTEXT"  ? ContextNames()
                                 : wants == "CLIENT" ? ClientNames(completion.options)
                                                     : std::vector<std::string>()) {
    if (name.starts_with(words.back())) out << name << "\t\n";
  }
}

void AddCompletionCommand(CLI::App* app, Context* context) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      app, {"completion", "Print what makes the shell complete commands, options, contexts and names of clients",
            "source <(signvotectl completion bash)          # in ~/.bashrc\n"
            "source <(signvotectl completion zsh)           # in ~/.zshrc, after compinit"});
  command->add_option("SHELL", *shell, "bash or zsh")->required()->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([context, shell] {
    context->run = [context, shell] {
      context->out << CompletionScript(*shell) << std::flush;
      return absl::OkStatus();
    };
  });
}

}  // namespace signvote::ctl
