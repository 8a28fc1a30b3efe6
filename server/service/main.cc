#include <CLI/CLI.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>

#include "common/log.h"
#include "common/signals.h"
#include "common/status.h"
#include "server/service/server.h"

namespace {

constexpr const char* kFooter = R"(Exit codes: 0 the run is finished or was stopped; 1 failure; 2 command line or configuration; 3 cannot listen;
4 the bundle or the run's directory is missing or damaged; 5 the directory belongs to another run or process.

Example: signvote-server --config server.yaml --set rounds.total=300 --set rule=it-signsgd)";

int Fail(const absl::Status& status) {
  fmt::print(stderr, "signvote-server: {}\n", signvote::Message(status));
  return signvote::ExitCodeOf(status);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"signvote-server: trains one model over many unequal voters, one bit per parameter each way."};
  std::string config;
  std::vector<std::string> overrides;
  app.add_option("--config", config, "server.yaml")->required();
  app.add_option("--set", overrides, "KEY=VALUE over the file, e.g. rounds.total=300; may be repeated");
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? signvote::kExitOk : signvote::kExitUsage;
  }

  absl::StatusOr<signvote::ServerOptions> options = signvote::LoadServerOptions(config, overrides);
  if (!options.ok()) {
    Fail(options.status());
    return signvote::kExitUsage;
  }
  signvote::StartLog("signvote-server", options->log);
  // The watcher must block the signals before any other thread starts; it is told of the server once there is one.
  std::atomic<signvote::Server*> running{nullptr};
  std::atomic<bool> is_stopping{false};
  signvote::SignalWatcher watcher([&](int signal) {
    is_stopping = true;
    if (signvote::Server* server = running) server->Stop(signal == SIGINT ? "interrupted" : "terminated");
  });
  absl::StatusOr<std::unique_ptr<signvote::Server>> server = signvote::Server::Start(*options);
  if (!server.ok()) return Fail(server.status());
  running = server->get();
  if (is_stopping) (*server)->Stop("terminated");
  const absl::Status status = (*server)->Run();
  running = nullptr;
  return status.ok() ? signvote::kExitOk : Fail(status);
}
