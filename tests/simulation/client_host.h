// The machine of one client: a process around the real Session and Backoff that does what runner.cc does, on simulated
// time and streams. It can crash, leave, be slow, and be started again with nothing but its name.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/session/backoff.h"
#include "client/session/session.h"
#include "tests/simulation/invariants.h"
#include "tests/simulation/network.h"

namespace signvote::simulation {

class ClientHost {
 public:
  ClientHost(World* world, Network* network, Invariants* invariants, const ClientPlan* plan, uint64_t seed)
      : world_(world), network_(network), invariants_(invariants), plan_(plan), seed_(seed) {}

  void Start();
  void Crash();
  void Leave();
  // Handling a message takes this long.
  void SetSlowness(absl::Duration slowness) { slowness_ = slowness; }

  bool IsRunning() const { return process_ != nullptr; }
  bool has_finished() const { return has_finished_; }  // the run, as far as it knows
  uint64_t give_ups() const { return give_ups_; }      // refused by a predecessor's session for too long

 private:
  struct Process {
    Process(const SessionOptions& options, uint64_t start) : number(start), session(options, &parameters) {}
    uint64_t number = 0;
    std::vector<float> parameters;
    Session session;
    Backoff backoff;
    absl::Time reached;
    std::optional<StreamId> stream;
    std::deque<v1::ServerMessage> inbox;
    std::optional<absl::Status> ended;  // the stream, after what is in the inbox
    bool is_busy = false;
    std::optional<action::ComputeBallot> to_compute;
    uint64_t models = 0;
    std::vector<v1::ClientMessage> cast;  // the last ballot
  };

  // Calls `event` later, if this process still runs then.
  void Later(absl::Duration delay, std::function<void(Process&)> event);
  void Connect(Process& process);
  // Handles what has come, one after the other, while nothing else keeps the main thread busy.
  void Work(Process& process);
  void Handle(Process& process, const v1::ServerMessage& message);
  void HandleWaiting(Process& process);
  void HandleEnd(Process& process);
  void CheckReplica(Process& process, const v1::ServerMessage& message);
  void Compute(Process& process, const action::ComputeBallot& asked);
  void Perform(Process& process, std::vector<Action> actions);
  void Perform(Process& process, const action::Send& send);
  void Perform(Process& process, const action::LoadModel& load);
  void Perform(Process& process, const action::ComputeBallot& compute);
  void Perform(Process& process, const action::Evaluate& evaluate);
  void Perform(Process& process, const action::Reconnect& reconnect);
  void Perform(Process& process, const action::Finished& finished);
  void Perform(Process& process, const action::Failed& failed);
  void Perform(Process& process, const action::Notice& notice);
  // A client may send a ballot again at any time.
  void Repeat(Process& process);
  void HangUp(Process& process);
  void Exit();  // at the end of the event

  World* const world_;
  Network* const network_;
  Invariants* const invariants_;
  const ClientPlan* const plan_;
  const uint64_t seed_;
  std::unique_ptr<Process> process_;
  uint64_t starts_ = 0;
  absl::Duration slowness_;
  bool has_finished_ = false;
  bool is_exiting_ = false;
  uint64_t give_ups_ = 0;
};

}  // namespace signvote::simulation
