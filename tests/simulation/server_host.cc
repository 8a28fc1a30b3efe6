#include "tests/simulation/server_host.h"

#include "common/status.h"
#include "server/store/round_config.h"
#include "tests/simulation/recorded_store.h"

namespace signvote::simulation {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr absl::Duration kFarewellGrace = absl::Seconds(5);

}  // namespace

ServerHost::ServerHost(World* world, Network* network, Invariants* invariants, const Scenario* scenario,
                       ModelBundle bundle)
    : world_(world),
      network_(network),
      invariants_(invariants),
      scenario_(scenario),
      bundle_(std::move(bundle)),
      disk_(world) {}

void ServerHost::Start() {
  if (process_ || is_starting_ || has_finished_) return;
  is_starting_ = true;
  world_->After(world_->Between(absl::Milliseconds(100), absl::Seconds(2)), [this] {
    is_starting_ = false;
    Launch();
  });
}

void ServerHost::Launch() {
  const ServerOptions& options = scenario_->options;
  const RunSetup setup{.vote = options.vote,
                       .range = BlockRange::All(scenario_->parameters),
                       .tensors = bundle_.parameters.tensors,
                       .config = Canonical({options.vote, options.dither, options.fraction, options.seed}),
                       .model_sha256 = bundle_.module_sha256,
                       .durability = options.durability,
                       .keep = options.checkpoint_keep};
  absl::StatusOr<OpenedRun> run = OpenRun(disk_.disk(), options.directory, setup, bundle_.parameters.values, Serially);
  if (disk_.has_stopped()) {
    run = absl::UnknownError("");  // gives the directory up
    return Crash(loss_);
  }
  if (!run.ok()) {
    world_->Trace("server  does not start: {}", Message(run.status()));
    if (run.status().code() != absl::StatusCode::kUnavailable &&
        run.status().code() != absl::StatusCode::kResourceExhausted) {
      return world_->Break("the server cannot start: " + Message(run.status()));
    }
    return Start();
  }
  ++starts_;
  world_->Trace("server  starts after round {}{}{}", run->tally.round(), run->report.empty() ? "" : ": ", run->report);
  invariants_->Recovered(run->tally.round(), run->tally.fingerprint(), run->registry);
  process_ = std::make_unique<Process>();
  process_->number = starts_;
  process_->store = std::make_unique<RecordedStore>(std::move(run->store), invariants_);
  process_->federation = std::make_unique<Federation>(
      options, bundle_, run->run, Federation::State{std::move(run->tally), std::move(run->registry), run->step_size},
      MakeEnvironment(process_.get()));
  Serve(process_.get());
  Tick(*process_);
}

void ServerHost::Later(absl::Duration delay, const Process* process, std::function<void(Process&)> event) {
  world_->After(delay, [this, number = process->number, event = std::move(event)] {
    if (process_ && process_->number == number) event(*process_);
  });
}

Environment ServerHost::MakeEnvironment(Process* process) {
  Environment environment;
  environment.store = process->store.get();
  environment.run = [this, process](std::function<void()> work) {
    process->work.push_back(std::move(work));
    if (std::exchange(process->is_working, true)) return;
    Later(world_->Between(absl::ZeroDuration(), absl::Milliseconds(20)), process, [this](Process& p) { Work(p); });
  };
  environment.run_beside = [this, process](std::function<void()> work) {
    Later(world_->Between(absl::ZeroDuration(), absl::Seconds(2)), process, [this, work = std::move(work)](Process&) {
      work();
      if (disk_.has_stopped()) Crash(loss_);
    });
  };
  environment.now = [this] { return world_->now(); };
  environment.wake = [this, process](SessionId session) {
    if (!process->woken.insert(session).second) return;
    Later(absl::ZeroDuration(), process, [this, session](Process& p) {
      p.woken.erase(session);
      Pump(p, session);
    });
  };
  environment.on_round = [this](const RoundRow& row) {
    if (disk_.has_stopped()) return;
    world_->Trace("server  closes round {} with {} ballots, {} late", row.round, row.ballots, row.late);
    invariants_->Closed(row.round, row.ballots);
  };
  environment.on_evaluation = [](const v1::Evaluation&) {};
  return environment;
}

void ServerHost::Work(Process& process) {
  auto work = std::move(process.work.front());
  process.work.pop_front();
  work();
  if (disk_.has_stopped()) return Crash(loss_);
  process.is_working = !process.work.empty();
  if (process.is_working) {
    Later(world_->Between(absl::ZeroDuration(), absl::Milliseconds(20)), &process, [this](Process& p) { Work(p); });
  }
}

void ServerHost::Tick(Process& process) {
  process.federation->Tick();
  CheckSessions();
  if (process.federation->IsFinished() && !process.is_ending) {
    End(process, v1::Farewell::FINISHED, "the last round is closed");
  }
  Later(kTick, &process, [this](Process& p) { Tick(p); });
}

void ServerHost::Stop() {
  if (process_ && !process_->is_ending) End(*process_, v1::Farewell::STOPPING, "terminated");
}

void ServerHost::End(Process& process, v1::Farewell::Reason reason, const std::string& why) {
  process.is_ending = true;
  world_->Trace("server  ends: {}", why);
  const uint64_t number = process.number;
  process.federation->Checkpoint([this, number, reason, why](absl::StatusOr<v1::CheckpointResponse> response) {
    world_->Trace("server  writes its last checkpoint: {}", response.ok() ? "ok" : Message(response.status()));
    const bool finished = response.ok() && reason == v1::Farewell::FINISHED;
    // The caller may hold the federation's locks.
    world_->After(absl::ZeroDuration(), [this, number, reason, why, finished] {
      if (!process_ || process_->number != number) return;
      process_->federation->Stop(reason, why);
      Later(kFarewellGrace, process_.get(), [this, finished](Process& p) { Exit(p, finished); });
    });
  });
}

void ServerHost::Exit(Process&, bool finished) {
  world_->Trace("server  exits");
  process_.reset();
  network_->ServerGone(true);
  if (disk_.has_stopped()) return Crash(loss_);
  has_finished_ = finished;
  Start();
}

void ServerHost::Crash(FaultyDisk::Loss loss) {
  world_->Trace("server  is gone");
  disk_.Stop();
  process_.reset();
  network_->ServerGone(loss == FaultyDisk::Loss::kNothing);
  disk_.Restart(loss);
  Start();
}

void ServerHost::Serve(Process* process) {
  const auto alive = [this, number = process->number] { return process_ && process_->number == number; };
  network_->Serve({.opened =
                       [this, alive](StreamId stream) {
                         if (!alive()) return;
                         const SessionId session = process_->federation->Open();
                         process_->sessions[stream] = session;
                         process_->streams[session] = stream;
                       },
                   .received =
                       [this, alive](StreamId stream, v1::ClientMessage message) {
                         if (!alive()) return;
                         auto found = process_->sessions.find(stream);
                         if (found == process_->sessions.end()) return;
                         process_->federation->Receive(found->second, std::move(message));
                       },
                   .gone = [this, alive](StreamId stream) { alive() ? Gone(*process_, stream) : void(); },
                   .writable =
                       [this, alive](StreamId stream) {
                         if (!alive()) return;
                         auto found = process_->sessions.find(stream);
                         if (found != process_->sessions.end()) Pump(*process_, found->second);
                       }});
}

void ServerHost::Pump(Process& process, SessionId session) {
  auto found = process.streams.find(session);
  if (found == process.streams.end()) return;
  const StreamId stream = found->second;
  while (network_->CanWrite(stream)) {
    const Federation::Outbound outbound = process.federation->Next(session);
    if (outbound.frame) {
      network_->Write(stream, outbound.frame);
    } else if (outbound.end) {
      network_->End(stream, *outbound.end);
      return Gone(process, stream);
    } else {
      return;
    }
  }
}

void ServerHost::Gone(Process& process, StreamId stream) {
  auto found = process.sessions.find(stream);
  if (found == process.sessions.end()) return;
  const SessionId session = found->second;
  process.sessions.erase(found);
  process.streams.erase(session);
  process.federation->Closed(session);
}

// The federation keeps a session for each open stream, and no other.
void ServerHost::CheckSessions() {
  if (process_->federation->HasSessions() == process_->sessions.empty()) {
    world_->Break(fmt::format("{} streams are open, the federation {} sessions", process_->sessions.size(),
                              process_->sessions.empty() ? "has" : "has no"));
  }
  const v1::RunStatus status = process_->federation->Status();
  if (status.voters() + status.observers() > process_->sessions.size()) {
    world_->Break(fmt::format("{} clients are connected by {} streams", status.voters() + status.observers(),
                              process_->sessions.size()));
  }
}

}  // namespace signvote::simulation
