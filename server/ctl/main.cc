// signvotectl: the administrator's command line.
#include <fmt/format.h>
#include <grpc/support/log.h>

#include <cstdlib>
#include <set>

#include "common/config_path.h"
#include "common/status.h"
#include "server/ctl/command.h"
#include "server/ctl/completion_command.h"

namespace signvote::ctl {
namespace {

constexpr char kFooter[] = R"(Examples:
  signvotectl status
  signvotectl watch
  signvotectl clients --json | jq '.clients[] | select(.different) | .name'
  signvotectl context set lab --server fed.example.org:7401 --tls certs/admins/ada
  signvotectl --context lab events --follow
  signvotectl --server a:7401,b:7401 export model.safetensors
  signvotectl evict phone-07
  signvotectl summary runs/latest/*/
  signvotectl COMMAND --help

Servers:
  --server and --tls, else --context, else the context in use, else 127.0.0.1:7401. An option goes before what
  the context says; with --server and without --context no context is used.

Exit codes:
  0  done; watch: the run ended
  1  anything without a code of its own
  2  the command line or an argument is wrong
  3  the server cannot be reached, or went away
  4  a run's files are missing or damaged
  5  the server said no: no such client, evicted already, not permitted, the run is finished)";

void Describe(CLI::App* app, Context* context) {
  app->require_subcommand(1);
  app->fallthrough();  // --server and --json are understood after the subcommand too
  app->footer(kFooter);
  app->set_version_flag("--version", "signvotectl " SIGNVOTE_VERSION);
  app->set_help_all_flag("--help-all", "Print this help and that of every command");
  app->add_option("--server", context->given.servers, "Address of the server's admin.listen; of all shards: A,B,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("HOST:PORT");
  app->add_option("--context", context->given.context, "Servers and certificate by name (signvotectl context list)")
      ->type_name("CONTEXT");
  app->add_option("--tls", context->given.tls, "Directory of your certificate (deploy/certs.sh admin NAME makes it)")
      ->envname("SIGNVOTE_TLS")
      ->type_name("DIRECTORY");
  app->add_flag("--insecure", context->given.insecure,
                "Plain text to another machine, over a network that is all your own");
  app->add_flag("--json", context->json, "Print JSON with the field names of admin.proto; watch: an object a line");
  AddInspectCommands(app, context);
  AddWatchCommand(app, context);
  AddEventsCommand(app, context);
  AddControlCommands(app, context);
  AddProcessCommands(app, context);
  AddCheckpointCommand(app, context);
  AddExportCommand(app, context);
  AddHealthCommand(app, context);
  AddSummaryCommand(app, context);
  AddPlotCommand(app, context);
  AddContextCommand(app, context);
  AddCompletionCommand(app, context);
}

// The command that was chosen, of commands of commands the innermost.
const CLI::App& Chosen(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  return chosen.empty() ? app : Chosen(*chosen.front());
}

// Of a word that stands where a command was expected and is none: that it is none, perhaps with what it may have meant.
// Else empty.
std::string NoCommand(const CLI::App& app) {
  std::set<std::string> names;
  for (const CLI::App* command : Chosen(app).get_subcommands([](const CLI::App*) { return true; })) {
    names.insert(command->get_name());
  }
  const std::vector<std::string> unknown = app.remaining(true);
  if (names.empty() || unknown.empty()) return "";
  const std::string& word = unknown.front();
  if (word.starts_with("-")) return fmt::format("no option \"{}\"", word);
  return fmt::format("no command \"{}\"{}", word, Suggestion(word, names));
}

std::string Explain(const CLI::App* app, const CLI::Error& error) {
  std::string name = app->get_name();
  for (const CLI::App* command = app; command != &Chosen(*app); name += " " + command->get_name()) {
    command = command->get_subcommands().front();
  }
  const std::string no_command = NoCommand(*app);
  return fmt::format("{}: {}\nRun {} --help for more information.\n", name,
                     no_command.empty() ? error.what() : no_command, name);
}

int Main(int argc, char** argv) {
  // What gRPC has to say comes back as a status, and is explained there.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
  Context context;
  CLI::App app("signvotectl: look after a signvote run", "signvotectl");
  Describe(&app, &context);
  app.failure_message(Explain);
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "__complete") {
    AnswerShell(app, {words.begin() + 1, words.end()}, std::cout);
    return kExitOk;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  const absl::Status status = context.run();
  if (status.ok()) return kExitOk;
  fmt::print(stderr, "signvotectl: {}\n", Message(status));
  return ExitCodeOf(status);
}

}  // namespace
}  // namespace signvote::ctl

int main(int argc, char** argv) { return signvote::ctl::Main(argc, argv); }
