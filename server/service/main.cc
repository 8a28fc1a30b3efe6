#include <CLI/CLI.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <thread>

#include "common/files.h"
#include "common/log.h"
#include "common/signals.h"
#include "common/status.h"
#include "common/thread_pool.h"
#include "server/service/server.h"
#include "server/store/maintenance.h"

namespace signvote {
namespace {

constexpr const char* kFooter =
    R"(Exit codes: 0 the run is finished or was stopped; 1 failure; 2 command line or configuration; 3 cannot listen;
4 the bundle or the run's directory is missing or damaged; 5 the directory belongs to another run or process.

Examples:
  signvote-server --config server.yaml --set rounds.total=300 --set rule=it-signsgd
  signvote-server --config server.yaml --set rounds.voters=1000 --plan
  signvote-server verify run
  signvote-server recover run --from round-00000100)";

int Fail(const absl::Status& status) {
  fmt::print(stderr, "signvote-server: {}\n", Message(status));
  return ExitCodeOf(status);
}

int Tell(const absl::StatusOr<std::string>& report) {
  if (!report.ok()) return Fail(report.status());
  fmt::print("{}\n", *report);
  return kExitOk;
}

// Prints what the run would take; fails where that is more than this machine has.
int Plan(const ServerOptions& options) {
  const absl::StatusOr<MemoryPlan> plan = PlanRun(options);
  if (!plan.ok()) return Fail(plan.status());
  const MachineMemory machine = ReadMachineMemory();
  if (const absl::Status status = CheckMemory(*plan, machine); !status.ok()) return Fail(status);
  fmt::print("{}", Describe(*plan, machine));
  return kExitOk;
}

int Serve(const std::string& config, const std::vector<std::string>& overrides, bool only_plan) {
  absl::StatusOr<ServerOptions> options = LoadServerOptions(config, overrides);
  if (!options.ok()) {
    Fail(options.status());
    return kExitUsage;
  }
  if (only_plan) return Plan(*options);
  StartLog("signvote-server", options->log);
  RaiseFileLimit();
  // The watcher must block the signals before any other thread starts; it is told of the server once there is one.
  std::atomic<Server*> running{nullptr};
  std::atomic<bool> is_stopping{false};
  SignalWatcher watcher([&](int signal) {
    is_stopping = true;
    if (Server* server = running) server->Stop(signal == SIGINT ? "interrupted" : "terminated");
  });
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(*options);
  if (!server.ok()) return Fail(server.status());
  running = server->get();
  if (is_stopping) (*server)->Stop("terminated");
  const absl::Status status = (*server)->Run();
  running = nullptr;
  return status.ok() ? kExitOk : Fail(status);
}

int Main(int argc, char** argv) {
  CLI::App app{"signvote-server: trains one model over many unequal voters, one bit per parameter each way."};
  std::string config, directory, checkpoint;
  std::vector<std::string> overrides;
  auto* config_option = app.add_option("--config", config, "server.yaml: serve the run that it describes");
  app.add_option("--set", overrides, "KEY=VALUE over the file, e.g. rounds.total=300; may be repeated");
  bool only_plan = false;
  app.add_flag("--plan", only_plan, "print how much memory the run takes, by formula, and do not serve it");
  app.require_subcommand(0, 1);
  app.footer(kFooter);
  auto command = [&](const char* name, const char* does) {
    CLI::App* subcommand = app.add_subcommand(name, does);
    subcommand->add_option("DIRECTORY", directory, "of the run")->required();
    return subcommand;
  };
  const CLI::App* verify = command("verify", "check every checkpoint and journal record of a run that no server uses");
  const CLI::App* replay = command("replay", "compute a run again from its ballots and compare every fingerprint");
  CLI::App* recover = command("recover", "let a damaged run go on from a checkpoint; what comes after is put aside");
  recover->add_option("--from", checkpoint, "checkpoint: its path, or its name in DIRECTORY/checkpoints")->required();
  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty() && config_option->count() == 0) throw CLI::RequiredError("--config");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (verify->parsed()) return Tell(VerifyRun(directory));
  if (replay->parsed()) {
    ThreadPool pool(std::max(1u, std::thread::hardware_concurrency()));
    return Tell(ReplayRun(directory, [&](size_t count, const auto& body) { pool.ParallelFor(count, body); }));
  }
  if (recover->parsed()) return Tell(RecoverFrom(directory, checkpoint));
  return Serve(config, overrides, only_plan);
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) { return signvote::Main(argc, argv); }
