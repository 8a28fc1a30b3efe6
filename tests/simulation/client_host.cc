#include "tests/simulation/client_host.h"

#include <algorithm>

#include "common/status.h"
#include "tests/simulation/voting.h"

namespace signvote::simulation {
namespace {

constexpr absl::Duration kNameTakenLimit = absl::Minutes(2);
constexpr absl::Duration kFarewellLimit = absl::Seconds(5);

std::string Summary(const v1::ServerMessage& message) { return message.ShortDebugString().substr(0, 100); }

}  // namespace

void ClientHost::Start() {
  if (process_ || has_finished_) return;
  world_->Trace("{} starts", plan_->name);
  const SessionOptions options{.name = plan_->name,
                               .role = plan_->role,
                               .batch = 1,
                               .fraction = plan_->fraction,
                               .evaluate_every = plan_->role == v1::OBSERVER ? uint64_t{2} : 0};
  process_ = std::make_unique<Process>(options, ++starts_);
  process_->reached = world_->now();
  is_exiting_ = false;
  Connect(*process_);
}

void ClientHost::Crash() {
  if (!process_) return;
  world_->Trace("{} crashes", plan_->name);
  HangUp(*process_);
  process_.reset();
}

void ClientHost::Leave() {
  if (!process_) return;
  world_->Trace("{} leaves", plan_->name);
  process_->to_compute.reset();
  Perform(*process_, process_->session.Leave());
  Later(kFarewellLimit, [this](Process&) { Exit(); });
}

void ClientHost::Exit() {
  is_exiting_ = true;
  Later(absl::ZeroDuration(), [this](Process& process) {
    world_->Trace("{} exits", plan_->name);
    HangUp(process);
    process_.reset();
  });
}

void ClientHost::Later(absl::Duration delay, std::function<void(Process&)> event) {
  world_->After(delay, [this, number = starts_, event = std::move(event)] {
    if (process_ && process_->number == number) event(*process_);
  });
}

void ClientHost::HangUp(Process& process) {
  if (process.stream) network_->HangUp(*process.stream);
  process.stream.reset();
  process.inbox.clear();
  process.ended.reset();
}

void ClientHost::Connect(Process& process) {
  // What an abandoned stream still says is not heard.
  const uint64_t number = process.number;
  auto stream = std::make_shared<StreamId>(0);
  const auto is_heard = [this, number, stream] {
    return process_ && process_->number == number && process_->stream == *stream;
  };
  *stream = network_->Connect(plan_->name, {.received =
                                                [this, is_heard](v1::ServerMessage message) {
                                                  if (!is_heard()) return;
                                                  process_->inbox.push_back(std::move(message));
                                                  Work(*process_);
                                                },
                                            .ended =
                                                [this, is_heard](absl::Status status) {
                                                  if (!is_heard()) return;
                                                  process_->ended = std::move(status);
                                                  Work(*process_);
                                                }});
  process.stream = *stream;
  world_->Trace("{} connects by stream {}", plan_->name, *stream);
  Perform(process, process.session.Connected());
}

void ClientHost::Work(Process& process) {
  if (process.is_busy || is_exiting_) return;
  if (process.inbox.empty() && !process.ended) {
    if (process.to_compute) Compute(process, *std::exchange(process.to_compute, std::nullopt));
    return;
  }
  process.is_busy = true;
  Later(slowness_, [this](Process& p) {
    p.is_busy = false;
    if (!p.inbox.empty()) {
      const v1::ServerMessage message = std::move(p.inbox.front());
      p.inbox.pop_front();
      Handle(p, message);
    } else if (p.ended) {
      HandleEnd(p);
    }
    Work(p);
  });
}

void ClientHost::Handle(Process& process, const v1::ServerMessage& message) {
  const StreamId stream = *process.stream;
  if (world_->traces()) world_->Trace("{} hears {}", plan_->name, Summary(message));
  invariants_->Told(plan_->name, message);
  Perform(process, process.session.Received(message));
  if (process.session.IsFollowing()) {
    process.reached = world_->now();
    process.backoff.Reset();
  }
  CheckReplica(process, message);
  if ((message.has_round_open() || message.has_welcome()) && world_->Chance(0.05)) Repeat(process);
  network_->Handled(stream);
}

void ClientHost::Repeat(Process& process) {
  if (process.cast.size() > 4 || !process.stream || !process.session.IsFollowing()) return;
  world_->Trace("{} sends its last ballot again", plan_->name);
  for (const v1::ClientMessage& message : process.cast) network_->Send(*process.stream, message);
}

void ClientHost::HandleWaiting(Process& process) {
  while (!process.inbox.empty() && !is_exiting_) {
    const v1::ServerMessage message = std::move(process.inbox.front());
    process.inbox.pop_front();
    Handle(process, message);
  }
  if (process.ended && !is_exiting_) HandleEnd(process);
}

void ClientHost::HandleEnd(Process& process) {
  const absl::Status status = *std::exchange(process.ended, std::nullopt);
  process.stream.reset();
  world_->Trace("{} is cut off: {}", plan_->name, status.ToString());
  Perform(process, process.session.Disconnected(status));
}

void ClientHost::CheckReplica(Process& process, const v1::ServerMessage& message) {
  const bool is_whole = message.has_round_closed() || (message.has_parameters() && message.parameters().last());
  if (!is_whole || !process.session.IsFollowing()) return;
  invariants_->Holds(plan_->name, process.session.round(), FingerprintOf(process.parameters));
}

// The gradient is that of the parameters as they are now; messages wait until it is there.
void ClientHost::Compute(Process& process, const action::ComputeBallot& asked) {
  if (!process.session.IsBasisOf(asked.round)) return;
  process.is_busy = true;
  const BlockRange range = process.session.range();
  const Basis basis{seed_, process.session.client_id(), asked.round, FingerprintOf(process.parameters),
                    asked.magnitude};
  std::vector<SignVector> signs;
  for (uint64_t block = range.first; block < range.first + range.count; ++block) {
    signs.push_back(SignsOf(basis, block, range.Size(block)));
  }
  Later(world_->Between(plan_->compute_low, plan_->compute_high),
        [this, basis, range, models = process.models, signs = std::move(signs)](Process& p) {
          p.is_busy = false;
          HandleWaiting(p);
          world_->Trace("{} has computed its ballot of round {}", plan_->name, basis.round);
          for (uint64_t i = 0; i < range.count && !is_exiting_ && p.models == models; ++i) {
            Perform(p, p.session.BallotBlockReady(basis.round, range.first + i, signs[i], MagnitudeOf(basis)));
          }
          Work(p);
        });
}

void ClientHost::Perform(Process& process, std::vector<Action> actions) {
  for (const Action& action : actions) {
    std::visit([&](const auto& one) { Perform(process, one); }, action);
  }
}

void ClientHost::Perform(Process& process, const action::Send& send) {
  if (send.message->has_ballot()) {
    const bool goes_on =
        !process.cast.empty() && process.cast.back().ballot().round() == send.message->ballot().round();
    if (!goes_on) process.cast.clear();
    process.cast.push_back(*send.message);
  }
  if (process.stream) network_->Send(*process.stream, *send.message);
}

void ClientHost::Perform(Process& process, const action::LoadModel&) {
  ++process.models;
  process.to_compute.reset();
}

void ClientHost::Perform(Process& process, const action::ComputeBallot& compute) { process.to_compute = compute; }

void ClientHost::Perform(Process&, const action::Evaluate& evaluate) {
  Later(world_->Between(plan_->compute_low, plan_->compute_high), [this, evaluate](Process& p) {
    v1::Evaluation result;
    result.set_round(evaluate.round);
    result.set_accuracy(0.5);
    Perform(p, p.session.EvaluationDone(evaluate, result));
  });
}

void ClientHost::Perform(Process& process, const action::Reconnect& reconnect) {
  HangUp(process);
  const bool server_said_so = reconnect.name_taken || absl::IsUnavailable(reconnect.why) ||
                              absl::IsAborted(reconnect.why) || absl::IsCancelled(reconnect.why) || reconnect.why.ok();
  if (!server_said_so) {
    return world_->Break(fmt::format("{} starts over: {}", plan_->name, reconnect.why.ToString()));
  }
  if (reconnect.name_taken && world_->now() - process.reached > kNameTakenLimit) {
    world_->Trace("{} gives up: its name is taken", plan_->name);
    ++give_ups_;
    return Exit();
  }
  const absl::Duration delay =
      std::max(process.backoff.Next(world_->random().Unit()), absl::Seconds(reconnect.after_seconds));
  Later(delay, [this](Process& p) {
    if (!p.stream && !is_exiting_) Connect(p);
  });
}

void ClientHost::Perform(Process&, const action::Finished& finished) {
  world_->Trace("{} is done: {}", plan_->name, finished.reason);
  has_finished_ = finished.reason == "the run is complete";
  Exit();
}

void ClientHost::Perform(Process&, const action::Failed& failed) {
  world_->Trace("{} fails: {}", plan_->name, Message(failed.status));
  if (!absl::IsPermissionDenied(failed.status)) {
    world_->Break(fmt::format("{} fails: {}", plan_->name, failed.status.ToString()));
  }
  Exit();
}

void ClientHost::Perform(Process&, const action::Notice& notice) { world_->Trace("{}: {}", plan_->name, notice.text); }

}  // namespace signvote::simulation
