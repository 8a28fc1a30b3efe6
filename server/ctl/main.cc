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

// The command that a word that is none may have meant.
std::string Meant(const CLI::App& app, const std::vector<std::string>& extras) {
  std::set<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.insert(command->get_name());
  for (const std::string& word : extras) {
    if (const std::string suggestion = Suggestion(word, names); !suggestion.empty()) {
      return fmt::format("signvotectl: no command \"{}\"{}\n", word, suggestion);
    }
  }
  return "";
}

int Main(int argc, char** argv) {
  // What gRPC has to say comes back as a status, and is explained there.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) gpr_set_log_function([](gpr_log_func_args*) {});
  Context context;
  CLI::App app("signvotectl: look after a signvote run", "signvotectl");
  Describe(&app, &context);
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words.front() == "__complete") {
    AnswerShell(app, {words.begin() + 1, words.end()}, std::cout);
    return kExitOk;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) fmt::print(stderr, "{}", Meant(app, words));
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
