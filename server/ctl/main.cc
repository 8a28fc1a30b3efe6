// signvotectl: the administrator's command line.
#include <fmt/format.h>

#include "common/credentials.h"
#include "common/status.h"
#include "server/ctl/command.h"

namespace {

constexpr char kFooter[] = R"(Examples:
  signvotectl status
  signvotectl watch
  signvotectl clients --json | jq '.clients[] | select(.different) | .name'
  signvotectl --server 127.0.0.1:7501 client phone-07
  signvotectl --server fed.example.org:7401 --tls certs/admins/ada status
  signvotectl --server a:7401,b:7401 checkpoint --out model.safetensors
  signvotectl step-size 3e-4
  signvotectl evict phone-07
  signvotectl summary runs/latest/*/
  signvotectl plot runs/latest/*/ --out accuracy.png

Exit codes:
  0  done; watch: the run ended
  1  anything without a code of its own
  2  the command line or an argument is wrong
  3  the server cannot be reached, or went away
  4  a run's files are missing or damaged
  5  the server said no: no such client, evicted already, not permitted, the run is finished)";

// The certificates are read once: no command lasts longer than they do.
absl::Status Authenticate(const signvote::TransportOptions& transport, signvote::ctl::Context* context) {
  using signvote::Credentials;
  ASSIGN_OR_RETURN(const std::unique_ptr<Credentials> credentials, Credentials::Load(transport));
  for (const std::string& server : context->servers) RETURN_IF_ERROR(credentials->Permit("--server", server));
  context->credentials = credentials->ForChannel();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace signvote;
  ctl::Context context;
  CLI::App app("signvotectl: look after a signvote run");
  app.require_subcommand(1);
  app.fallthrough();  // --server and --json are understood after the subcommand too
  app.footer(kFooter);
  app.add_option("--server", context.servers, "HOST:PORT of the server's admin.listen; of all shards: A,B,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  app.add_flag("--json", context.json, "Print JSON with the field names of admin.proto; watch: an object a line");
  ctl::AddInspectCommands(&app, &context);
  ctl::AddWatchCommand(&app, &context);
  ctl::AddControlCommands(&app, &context);
  ctl::AddCheckpointCommand(&app, &context);
  ctl::AddSummaryCommand(&app, &context);
  ctl::AddPlotCommand(&app, &context);
  std::string directory;
  TransportOptions transport;
  app.add_option("--tls", directory, "Directory of your certificate (deploy/certs.sh admin NAME makes it)")
      ->envname("SIGNVOTE_TLS");
  app.add_flag("--insecure", transport.insecure, "Plain text to another machine, over a network that is all your own");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kExitOk : kExitUsage;
  }
  if (!directory.empty()) transport.tls = TlsPathsIn(directory);
  absl::Status status = Authenticate(transport, &context);
  if (status.ok()) status = context.run();
  if (status.ok()) return kExitOk;
  fmt::print(stderr, "signvotectl: {}\n", Message(status));
  return ExitCodeOf(status);
}
