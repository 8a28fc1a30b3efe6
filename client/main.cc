#include <unistd.h>

#include <malloc.h>
#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "client/data/common_settings.h"
#include "client/export.h"
#include "client/init_model.h"
#include "client/model/builtin.h"
#include "client/model/module.h"
#include "client/model/threads.h"
#include "client/options.h"
#include "client/runner.h"
#include "common/log.h"
#include "common/signals.h"

namespace signvote {
namespace {

constexpr char kFooter[] = R"(
exit codes:
  0  the run is complete, or the client was stopped
  1  anything without a code of its own; an observer's last export failed (evaluate.export)
  2  the command line or the configuration is wrong
  3  the server cannot be reached (connect.give_up)
  4  a data set or a model is missing or damaged, the two do not fit together, or the model is not that of model_sha256
  5  the server refused: name taken (for two minutes: a client that restarts waits for its old session to be missed),
     evicted, not permitted, wrong state)
  128 + N  signal N (SIGINT, SIGTERM) came a second time before the client had left)";

int Report(const absl::Status& status, int code) {
  fmt::print(stderr, "signvote-client: {}\n", Message(status));
  return code;
}

// A damaged data set is no matter of the command line, and one that may not be read none of the server.
int DataExitCode(const absl::Status& status) {
  const int code = ExitCodeOf(status);
  return code == kExitUsage || code == kExitRefused ? kExitData : code;
}

int RunClient(ClientOptions options) {
  StartLog("signvote-client", options.log);
  const absl::StatusOr<std::unique_ptr<Credentials>> credentials = Credentials::Load(options.transport);
  if (!credentials.ok()) return Report(credentials.status(), ExitCodeOf(credentials.status()));
  for (const std::string& server : options.servers) {
    const absl::Status permitted = (*credentials)->Permit(options.servers.size() == 1 ? "server" : "shards", server);
    if (!permitted.ok()) return Report(permitted, kExitUsage);
  }
  Inbox inbox;
  // The runner hears of the first one when data are read or a gradient is computed, whatever that takes. A client has
  // no state to lose, and the files that an observer exports are whole at any time.
  const SignalWatcher signals([&inbox, stops = false](int signal) mutable {
    if (std::exchange(stops, true)) std::_Exit(128 + signal);
    spdlog::info("stops; at another signal without waiting for what is under way");
    inbox.Post(event::StopRequested{});
  });
  StartTorch(options.threads);
  if (const absl::Status there = CheckDevice(options.module.device); !there.ok()) return Report(there, kExitUsage);
  if (options.session.role == v1::OBSERVER) {
    const absl::Status prepared = Evaluator::PrepareExport(options.export_directory);
    if (!prepared.ok()) return Report(prepared, kExitUsage);
    auto evaluator = Evaluator::Make(
        options, [&inbox](const action::Evaluate& evaluation, const absl::StatusOr<v1::Evaluation>& result) {
          inbox.Post(event::EvaluationDone{evaluation, result});
        });
    if (!evaluator.ok()) return Report(evaluator.status(), DataExitCode(evaluator.status()));
    options.session.settings = CommonSettings((*evaluator)->dataset(), options.module.loss);
    return Runner(options, nullptr, evaluator->get(), credentials->get(), &inbox).Run();
  }
  auto trainer = Trainer::Make(options);
  if (!trainer.ok()) return Report(trainer.status(), DataExitCode(trainer.status()));
  options.session.settings = CommonSettings((*trainer)->dataset(), options.module.loss);
  return Runner(options, trainer->get(), nullptr, credentials->get(), &inbox).Run();
}

// OpenMP's threads spin while they wait, which costs a machine that others use too ten times the work itself. OpenMP
// reads its environment when it is loaded, so it takes another start.
void WaitPassively(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("OMP_WAIT_POLICY", "passive", 0);
  std::error_code ignored;  // where one of these fails, threads spin
  ::execv(std::filesystem::read_symlink("/proc/self/exe", ignored).c_str(), argv);
}

int Main(int argc, char** argv) {
  CLI::App app{"Takes part in a signvote federation: computes gradients on its own data and votes with their signs."};
  app.footer(kFooter);
  std::string config;
  std::vector<std::string> overrides;
  std::string role;
  app.add_option("--config", config, "client.yaml")->type_name("FILE");
  app.add_option("--set", overrides, "override a key of it: a.b=c (repeatable)")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  app.add_option("--role", role, "voter or observer; overrides `role`")->check(CLI::IsMember({"voter", "observer"}));

  InitModelOptions init;
  CLI::App* init_model = app.add_subcommand("init-model", "Write a model bundle for signvote-server.");
  init_model->add_option("--model", init.model, "a built-in model")->check(CLI::IsMember(BuiltinNames()));
  init_model->add_option("--torchscript", init.torchscript, "your own TorchScript module")->type_name("FILE.pt");
  init_model->add_option("--out", init.out, "directory of the bundle")->type_name("DIR")->required();
  init_model->add_option("--seed", init.seed, "of a built-in model's parameters (0)");
  ExportOptions export_options;
  CLI::App* export_model = app.add_subcommand(
      "export",
      "Write TorchScript with the parameters of a run, as `signvotectl export FILE.safetensors` fetches them.");
  export_model->add_option("--model", export_options.model, "the bundle that the run began with")
      ->type_name("DIR")
      ->required();
  export_model->add_option("--parameters", export_options.parameters, "of all its tensors")
      ->type_name("FILE.safetensors")
      ->required();
  export_model->add_option("--out", export_options.out, "the module to write")->type_name("FILE.pt")->required();
  export_model->footer(
      "Examples:\n  signvotectl export model.safetensors\n"
      "  signvote-client export --model model --parameters model.safetensors --out trained.pt");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (init_model->parsed()) {
    const absl::Status status = InitModel(init);
    return status.ok() ? kExitOk : Report(status, ExitCodeOf(status));
  }
  if (export_model->parsed()) {
    const absl::Status status = Export(export_options);
    return status.ok() ? kExitOk : Report(status, DataExitCode(status));
  }
  if (config.empty()) return Report(InvalidArgument("--config FILE is required (see --help)"), kExitUsage);
  // What comes by a pipe is read once: this start must not take what the next one needs.
  std::error_code ignored;
  if (std::filesystem::is_fifo(config, ignored)) WaitPassively(argv);
  const absl::StatusOr<ClientOptions> options = LoadClientOptions(config, overrides, role);
  // A configuration that is not there is a matter of the command line.
  if (!options.ok()) return Report(options.status(), kExitUsage);
  if (options->threads > 1) WaitPassively(argv);
  // Tensors of the same sizes come and go every round: giving them back to the system each time costs half its time.
  // One arena, since those of threads other than the main one give back whatever the thresholds say.
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  return RunClient(*options);
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  try {
    return signvote::Main(argc, argv);
  } catch (const std::exception& error) {  // of a library, as std::bad_alloc
    fmt::print(stderr, "signvote-client: {}\n", error.what());
    return signvote::kExitFailure;
  }
}
