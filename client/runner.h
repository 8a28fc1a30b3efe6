// Carries out what the sessions ask for: connects and reconnects, sends, trains or evaluates. One thread does it all
// but reading the stream and evaluating; while it computes a gradient, messages wait in the inbox.
#pragma once

#include <absl/time/time.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/evaluator.h"
#include "client/options.h"
#include "client/session/backoff.h"
#include "client/session/connection.h"
#include "client/session/inbox.h"
#include "client/session/patience.h"
#include "client/session/shards.h"
#include "client/trainer.h"

namespace signvote {

class Runner {
 public:
  // Exactly one of `trainer` (a voter's) and `evaluator` (an observer's, reporting to `inbox`) is there. `credentials`
  // and `inbox` outlive the runner.
  Runner(const ClientOptions& options, Trainer* trainer, Evaluator* evaluator, Credentials* credentials, Inbox* inbox);

  // Takes part until the run is complete, the server refuses, no server is reached for connect.give_up, or
  // event::StopRequested; returns the exit code, which is not kExitOk where the last export failed.
  ExitCode Run();

 private:
  // The way to one shard.
  struct Link {
    std::string address;
    std::unique_ptr<Connection> connection;
    Backoff backoff;
    Patience patience;
    absl::Time connect_at = absl::InfinitePast();  // when there is no connection
    bool has_spoken = false;  // a message came over this connection or, in plain text, over an earlier one
  };

  void Connect();  // where it is due
  // An UNAVAILABLE says what to do, where that is known.
  absl::Status WithHint(const absl::Status& status, const Link& link) const;
  void Handle(Event event);
  void OnEvaluation(const event::EvaluationDone& done);
  void HandleWaiting();  // every event that is there already
  void Perform(std::vector<ShardAction> actions);
  // An observer's mistakes end it when it joins, not at its first evaluation.
  void TryEvaluator();
  // Carries out what follows from the last call.
  void Settle(std::vector<ShardAction> actions);
  void Perform(Link& link, action::Send& send);
  void Perform(Link& link, action::LoadModel& load);
  void Perform(Link& link, action::ComputeBallot& compute);
  void Perform(Link& link, action::Evaluate& evaluate);
  void Perform(Link& link, action::Reconnect& reconnect);
  void Perform(Link& link, action::Finished& finished);
  void Perform(Link& link, action::Failed& failed);
  void Perform(Link& link, action::Notice& notice);

  void CastBallot();
  // A voter that nearly always abstains helps nobody: it warns of the first time, and ends after many, of which each
  // vote between them takes some back.
  void OnAbstention(uint64_t round, const absl::Status& why);
  // Of the ballots that simulate.late holds back, those that are due when `round` opens.
  void SendHeldBallots(uint64_t round);
  void Stop();
  ExitCode CodeOfExport(ExitCode code) const;  // kExitOk becomes kExitFailure where the last export failed
  void End(ExitCode code) { exit_code_ = exit_code_.value_or(code); }
  // Ends by an error of its own, of which the servers are told.
  void Fail(ExitCode code, const absl::Status& why);
  void SayWhy(Connection* connection) const;
  // The shard of a connection; nullopt: it is abandoned.
  std::optional<size_t> ShardOf(uint64_t connection) const;
  // INFINITE_PAST: there is a gradient to compute. Else when to wake up without an event.
  absl::Time Deadline() const;

  const ClientOptions options_;
  Trainer* const trainer_;
  Evaluator* const evaluator_;
  Credentials* const credentials_;
  Inbox* const inbox_;

  std::vector<float> parameters_;
  Shards shards_;
  std::vector<Link> links_;  // by shard
  uint64_t connections_ = 0;
  uint64_t models_ = 0;  // loaded so far
  uint64_t tried_ = 0;   // of these, the one that the evaluator tried
  int abstentions_ = 0;  // less what votes took back
  bool has_abstained_ = false;

  absl::Time stop_at_ = absl::InfiniteFuture();  // the user's wish has been told; end at the latest
  struct HeldBlock {
    uint64_t due = 0, round = 0, block = 0;
    SignVector signs;
    float magnitude = 0;
  };
  std::vector<HeldBlock> held_;  // in the order of rounds
  std::optional<ExitCode> exit_code_;
  std::string reason_;  // of the error that it ends with
};

}  // namespace signvote
