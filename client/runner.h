// Carries out what a session asks for: connects and reconnects, sends, trains or evaluates. One thread does it all but
// reading the stream and evaluating; while it computes a gradient, messages wait in the inbox.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <vector>

#include "client/evaluator.h"
#include "client/options.h"
#include "client/session/backoff.h"
#include "client/session/connection.h"
#include "client/session/inbox.h"
#include "client/session/session.h"
#include "client/trainer.h"

namespace signvote {

class Runner {
 public:
  // Exactly one of `trainer` (a voter's) and `evaluator` (an observer's, reporting to `inbox`) is there. `credentials`
  // and `inbox` outlive the runner.
  Runner(const ClientOptions& options, Trainer* trainer, Evaluator* evaluator, Credentials* credentials, Inbox* inbox);

  // Takes part until the run is complete, the server refuses, no server is reached for connect.give_up, or
  // event::StopRequested; returns the exit code.
  ExitCode Run();

 private:
  void Connect();
  void Handle(Event event);
  void HandleWaiting();  // every event that is there already
  void Perform(std::vector<Action> actions);
  void Perform(action::Send& send);
  void Perform(action::LoadModel& load);
  void Perform(action::ComputeBallot& compute);
  void Perform(action::Evaluate& evaluate);
  void Perform(action::Reconnect& reconnect);
  void Perform(action::Finished& finished);
  void Perform(action::Failed& failed);
  void Perform(action::Notice& notice);

  void CastBallot(const action::ComputeBallot& asked);
  // Of the ballots that simulate.late holds back, those that are due when `round` opens.
  void SendHeldBallots(uint64_t round);
  void Stop();
  void End(ExitCode code) { exit_code_ = exit_code_.value_or(code); }
  bool IsOfConnection(uint64_t number) const { return connection_ != nullptr && connection_->number() == number; }
  // INFINITE_PAST: there is a gradient to compute. Else when to wake up without an event.
  absl::Time Deadline() const;

  const ClientOptions options_;
  Trainer* const trainer_;
  Evaluator* const evaluator_;
  Credentials* const credentials_;
  Inbox* const inbox_;

  std::vector<float> parameters_;
  Session session_;
  std::unique_ptr<Connection> connection_;
  uint64_t connections_ = 0;
  uint64_t models_ = 0;  // loaded so far

  Backoff backoff_;
  absl::Time connect_at_ = absl::InfinitePast();  // when there is no connection
  absl::Time reached_;                            // when a session last existed, or the start
  absl::Time stop_at_ = absl::InfiniteFuture();   // the user's wish has been told; end at the latest

  std::optional<action::ComputeBallot> to_compute_;
  struct HeldBlock {
    uint64_t due = 0, round = 0, block = 0;
    SignVector signs;
    float magnitude = 0;
  };
  std::vector<HeldBlock> held_;  // in the order of rounds
  std::optional<ExitCode> exit_code_;
};

}  // namespace signvote
