#include "tests/simulation/simulation.h"

#include <memory>

#include "common/files.h"
#include "common/status.h"
#include "server/store/maintenance.h"
#include "tests/simulation/client_host.h"
#include "tests/simulation/server_host.h"

namespace signvote::simulation {
namespace {

using Kind = Fault::Kind;

ModelBundle BundleOf(const Scenario& scenario) {
  ModelBundle bundle;
  bundle.module = std::string(1 + scenario.seed % 200'000, 'm');
  bundle.module_sha256 = Sha256(bundle.module);
  const uint64_t first = scenario.parameters - scenario.parameters / 3;
  bundle.parameters.tensors = {{"w", {first}}, {"head", {scenario.parameters - first}}};
  Random random(Mix(scenario.seed));
  for (uint64_t i = 0; i < scenario.parameters; ++i) {
    bundle.parameters.values.push_back(static_cast<float>(random.Unit()) - 0.5f);
  }
  return bundle;
}

class Simulation {
 public:
  Simulation(const Scenario& scenario, bool traces)
      : scenario_(scenario),
        bundle_(BundleOf(scenario)),
        world_(scenario.seed, traces),
        network_(&world_, {}),
        invariants_(&world_, &scenario_, BlockRange::All(scenario.parameters), bundle_.parameters),
        server_(&world_, &network_, &invariants_, &scenario_, bundle_) {
    for (const ClientPlan& plan : scenario_.clients) {
      clients_.push_back(std::make_unique<ClientHost>(&world_, &network_, &invariants_, &plan, scenario_.options.seed));
    }
  }

  Outcome Run() {
    world_.Trace("{}", Describe(scenario_));
    server_.Start();
    for (size_t i = 0; i < clients_.size(); ++i) {
      world_.After(world_.Between(absl::ZeroDuration(), absl::Seconds(3)), [this, i] { clients_[i]->Start(); });
    }
    for (const Fault& fault : scenario_.faults) {
      world_.After(fault.at, [this, &fault] { Happen(fault); });
    }
    world_.After(scenario_.horizon, [this] { Heal(); });
    while (!server_.has_finished() && world_.Step()) {
    }
    if (!world_.broken() && !server_.has_finished()) world_.Break("nothing is left to happen");
    if (!world_.broken()) CheckDirectory();
    Outcome outcome{.broken = world_.broken(),
                    .fingerprint = invariants_.fingerprint(),
                    .rounds = invariants_.round(),
                    .ballots = invariants_.ballots(),
                    .server_starts = server_.starts(),
                    .seconds = world_.seconds()};
    for (const auto& client : clients_) outcome.give_ups += client->give_ups();
    return outcome;
  }

 private:
  void Happen(const Fault& fault);
  void Administrate(const Fault& fault);
  void Heal();
  void CheckProgress();
  void CheckDirectory();
  absl::Duration TimeToFinish() const;
  ClientHost& Host(const std::string& name) {
    size_t i = 0;
    while (scenario_.clients[i].name != name) ++i;
    return *clients_[i];
  }

  const Scenario scenario_;
  const ModelBundle bundle_;
  World world_;
  Network network_;
  Invariants invariants_;
  ServerHost server_;
  std::vector<std::unique_ptr<ClientHost>> clients_;
  bool is_healed_ = false;
};

void Simulation::Happen(const Fault& fault) {
  if (is_healed_) return;
  world_.Trace("FAULT   {}", Describe(fault));
  switch (fault.kind) {
    case Kind::kBreakStreams:
      return network_.BreakStreams(fault.client);
    case Kind::kPartition:
      for (const ClientPlan& client : scenario_.clients) {
        if (!fault.client.empty() && fault.client != client.name) continue;
        network_.Partition(client.name, fault.amount & 1, fault.amount & 2, fault.duration);
      }
      return;
    case Kind::kClientCrash:
      Host(fault.client).Crash();
      return world_.After(fault.duration, [this, &fault] { Host(fault.client).Start(); });
    case Kind::kClientLeave:
      Host(fault.client).Leave();
      return world_.After(fault.duration, [this, &fault] { Host(fault.client).Start(); });
    case Kind::kSlowClient:
      Host(fault.client).SetSlowness(absl::Seconds(2));
      return world_.After(fault.duration, [this, &fault] { Host(fault.client).SetSlowness(absl::ZeroDuration()); });
    case Kind::kServerKill:
      return server_.Crash(FaultyDisk::Loss::kNothing);
    case Kind::kPowerLoss:
      return server_.Crash(fault.loss);
    case Kind::kCrashAtCall:
      server_.SetLoss(fault.loss);
      return server_.disk().CrashAtCall(fault.amount);
    case Kind::kServerStop:
      return server_.Stop();
    case Kind::kDiskFails:
      server_.disk().FailCalls(static_cast<double>(fault.amount) / 100, absl::Status(fault.code, "the disk fails"));
      return world_.After(fault.duration, [this] { server_.disk().FailCalls(0, absl::OkStatus()); });
    default:
      return Administrate(fault);
  }
}

void Simulation::Administrate(const Fault& fault) {
  Federation* federation = server_.federation();
  if (!federation) return;
  auto tell = [this](const absl::Status& status) {
    world_.Trace("the administrator is told {}", status.ok() ? "ok" : status.ToString());
  };
  switch (fault.kind) {
    case Kind::kPause:
      tell(federation->Pause(0));
      return world_.After(fault.duration, [this] {
        if (server_.federation()) server_.federation()->Resume().IgnoreError();
      });
    case Kind::kEvict:
      tell(federation->SetEvicted(fault.client, true));
      return world_.After(fault.duration, [this, &fault] {
        if (server_.federation()) server_.federation()->SetEvicted(fault.client, false).IgnoreError();
        Host(fault.client).Start();
      });
    case Kind::kStepSize:
      return tell(federation->SetStepSize(static_cast<float>(world_.random().Unit()) + 0.001f));
    default:
      return federation->Checkpoint(
          [tell](const absl::StatusOr<v1::CheckpointResponse>& response) { tell(response.status()); });
  }
}

absl::Duration Simulation::TimeToFinish() const {
  // Half-open sessions and connections time out, backoffs run out, and then every round takes its deadline.
  const RoundOptions& rounds = scenario_.options.rounds;
  return absl::Seconds(300) +
         static_cast<double>(rounds.total - invariants_.round()) * (rounds.deadline + absl::Seconds(15));
}

void Simulation::Heal() {
  world_.Trace("FAULTS END after round {}", invariants_.round());
  is_healed_ = true;
  network_.HealAll();
  server_.disk().Heal();
  server_.Start();
  for (const auto& client : clients_) client->SetSlowness(absl::ZeroDuration());
  CheckProgress();
  const absl::Duration limit = TimeToFinish();
  world_.After(limit, [this, limit] {
    world_.Break(fmt::format("the faults are over since {}, and yet the run does not end: round {} of {} is closed",
                             absl::FormatDuration(absl::Floor(limit, absl::Seconds(1))), invariants_.round(),
                             scenario_.options.rounds.total));
  });
}

// The administrator undoes what would stop the run for good, and whoever watches over the clients starts them again.
void Simulation::CheckProgress() {
  if (Federation* federation = server_.federation()) {
    federation->Resume().IgnoreError();
    const v1::ListClientsResponse known = federation->Clients();
    for (const v1::ClientSummary& client : known.clients()) {
      if (client.evicted()) federation->SetEvicted(client.name(), false).IgnoreError();
    }
  }
  for (const auto& client : clients_) client->Start();
  world_.After(absl::Seconds(2), [this] { CheckProgress(); });
}

void Simulation::CheckDirectory() {
  const ServerOptions& options = scenario_.options;
  MemoryDisk& disk = server_.disk().disk();
  if (const auto report = VerifyRun(options.directory, disk); !report.ok()) {
    world_.Break("the run's directory is not whole: " + Message(report.status()));
  }
  if (options.durability != "ballots") return;
  if (const auto report = ReplayRun(options.directory, Serially, disk); !report.ok()) {
    world_.Break("the run cannot be replayed: " + Message(report.status()));
  }
}

}  // namespace

Outcome Simulate(const Scenario& scenario, bool traces) { return Simulation(scenario, traces).Run(); }

Outcome Check(uint64_t seed, bool traces) {
  const Scenario scenario = DrawScenario(seed);
  Outcome outcome = Simulate(scenario, traces);
  if (outcome.broken || !scenario.is_exact || scenario.faults.empty()) return outcome;
  const Outcome calm = Simulate(Calm(scenario));
  if (calm.broken) {
    outcome.broken = "without faults, " + *calm.broken;
  } else if (calm.fingerprint != outcome.fingerprint) {
    outcome.broken = fmt::format("the run ends with fingerprint {}, without faults with {}", outcome.fingerprint.Hex(),
                                 calm.fingerprint.Hex());
  }
  return outcome;
}

}  // namespace signvote::simulation
