// The federation: sessions in, rounds closed, decisions out. Everything that happens here is a reaction to a message, a
// departure, an administrator or the clock; sockets, threads and disks are the environment's.
//
// Thread-safe. Two locks: mu_ for sessions and the open round, held briefly; core_mu_ for the tally, held while a round
// is decoded. Nobody waits for one of them while holding the other: see CoreLock. The environment's `run` is the only
// one that closes rounds, one at a time.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/bundle.h"
#include "common/certificates.h"
#include "common/mutex.h"
#include "proto/signvote/v1/admin.pb.h"
#include "proto/signvote/v1/federation.pb.h"
#include "server/round/registry.h"
#include "server/round/round.h"
#include "server/round/tally.h"
#include "server/service/ballot_box.h"
#include "server/service/event_log.h"
#include "server/service/feed.h"
#include "server/service/incoming.h"
#include "server/service/options.h"
#include "server/service/plane_pool.h"
#include "server/service/suspicions.h"
#include "server/store/recent_rounds.h"
#include "server/store/store.h"

namespace signvote {

using SessionId = uint64_t;

// One closed round, for metrics.
struct RoundRow {
  uint64_t round = 0;
  uint32_t ballots = 0;
  uint32_t late = 0;  // of them
  float step = 0;
  double trust = 0;
  uint64_t bytes_up = 0;    // since the round before
  uint64_t bytes_down = 0;  // the same
  double collect_seconds = 0;
  double decode_seconds = 0;
  double journal_seconds = 0;
  double seconds = 0;  // since the first round opened
};

struct Environment {
  Store* store = nullptr;
  ParallelFor parallel = Serially;
  // Runs work soon, in the order given, never two at a time, and never from within the call. The store is used by such
  // work alone.
  std::function<void(std::function<void()>)> run;
  // Runs long work beside that; null: within it.
  std::function<void(std::function<void()>)> run_beside;
  std::function<absl::Time()> now;
  // There may be something for this session to send, or it has ended. Never called with a lock held.
  std::function<void(SessionId)> wake;
  // Called by such work, without a lock.
  std::function<void(const RoundRow&)> on_round;
  std::function<void(const v1::Evaluation&)> on_evaluation;
};

class Federation {
 public:
  // The run as recovery left it: `tally` and `registry` after some round, which is the last of `recent`, if that holds
  // any. `step_size` 0: that of the options.
  struct State {
    Tally tally;
    Registry registry;
    float step_size = 0;
    std::vector<RecentRound> recent = {};
    std::string terms;                              // see TermsOf
    std::optional<v1::Evaluation> evaluation = {};  // the newest
    double seconds = 0;                             // as its last round told; shown until a round opens
  };

  Federation(const ServerOptions& options, ModelBundle bundle, std::string run, State state, Environment environment);

  // Sessions -----------------------------------------------------------------------------------------------------

  // `caller` is whom the connection's certificate names; nothing where there is none, and then anyone is believed.
  // Unless Join comes within kJoinLimit, the session ends.
  static constexpr absl::Duration kJoinLimit = absl::Seconds(30);
  SessionId Open(std::optional<Identity> caller = std::nullopt);
  // False: the session is over, and whatever else comes is not looked at.
  bool Receive(SessionId session, Incoming incoming);
  bool Receive(SessionId session, v1::ClientMessage message);
  // Where ballots are read into.
  PlanePool* planes() { return &planes_; }
  // The next frame to send; null with no status: nothing now, wait for `wake`; a status: end the stream with it.
  struct Outbound {
    Frame frame;
    std::optional<absl::Status> end;
  };
  Outbound Next(SessionId session);
  // The stream is gone, whoever ended it.
  void Closed(SessionId session);

  // Ends every session whose caller `check` does not find OK, with its status. After PERMISSION_DENIED
  // its ballot of the open round does not count either.
  void CheckCallers(const std::function<absl::Status(const Identity&)>& check);

  // Does what is due by now; returns when to call again.
  absl::Time Tick();

  // Administration: as in admin.proto -------------------------------------------------------------------------------

  v1::RunStatus Status();
  v1::ListClientsResponse Clients();
  absl::StatusOr<v1::ClientDetail> Detail(const std::string& name);
  // reliability_report.cc
  v1::ReliabilityReport Reliability();
  // Tells by events whom the votes made suspect, or no longer, since the last look; nothing when no round was closed.
  void LookForSuspects();
  const EventLog& events() const { return events_; }
  absl::Status Pause(uint64_t after_round, uint32_t seconds = 0);
  absl::Status Resume();
  // The parameters after the last closed round, and what they are.
  struct Exported {
    v1::ExportHeader header;
    std::vector<float> parameters;
  };
  Exported Export();
  absl::Status SetStepSize(float size);
  float StepSize();  // set by an administrator, in this run; 0: that of the options
  absl::Status SetEvicted(const std::string& name, bool evicted);
  // Calls `done` when all that was evicted, readmitted and set is durable, or why it is not: it then holds, and is
  // forgotten if the server dies before the next round is closed.
  void Settle(std::function<void(absl::Status)> done);
  // Calls `done` when the checkpoint is durable, or why it is not.
  using CheckpointDone = std::function<void(absl::StatusOr<v1::CheckpointResponse>)>;
  void Checkpoint(CheckpointDone done);
  // No further round is opened; the open one may still close.
  void Drain();
  // No further round closes; one whose closing began is closed.
  void Rest();
  // Draining, nothing is left to wait for: no round is on its way, or the open one has no ballots yet, or cannot close.
  bool IsDrained();
  // No further round is closed; sessions end with Farewell.
  void Stop(v1::Farewell::Reason reason, const std::string& detail);

  // True when the run has reached its last round and everyone who is connected has what is due, or was given up on.
  bool IsFinished();
  bool HasSessions();

 private:
  struct Session {
    std::optional<Identity> caller;
    Client* client = nullptr;  // null until Join
    Feed feed;
    std::optional<absl::Status> end;
    std::string reason;  // why it leaves, in its own words
  };
  // A round on its way from ballots to decision.
  struct Closing {
    uint64_t round = 0;
    Step step;
    std::map<VoterId, PendingBallot> ballots;
    std::set<VoterId> abstained;             // whose ballots say nothing
    std::vector<v1::JournalRecord> prelude;  // what happened before it: clients, step size
    RoundRow row;
    std::optional<ClosedRound> frames;  // once it is decoded
  };
  // What is decided of the open round so far, and its ballots.
  struct Ahead {
    uint64_t round = 0;
    Step step;
    std::vector<DecisionFrames> frames;
    std::vector<std::shared_ptr<const SignVector>> planes;  // the tally looks for them in the ballots that count
  };
  // Collects whom to wake while mu_ is held, and wakes them afterwards.
  class Locked;
  // Holds core_mu_.
  class CoreLock;

  // joining.cc
  void Join(SessionId id, Session& session, const v1::Join& join) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckJoin(const v1::Join& join, const std::optional<Identity>& caller)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteRefused(const std::string& name, const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Greet(Session& session, const v1::Join& join, const std::string& warning) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::RunConfig ConfigFor(uint32_t fraction) const;
  void DescribeTensors(google::protobuf::RepeatedPtrField<v1::Tensor>* tensors) const;
  // The round from which decisions bring the client up to date; 0: it needs parameters.
  uint64_t CatchUpFrom(const v1::Join& join) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // federation.cc: sessions and messages.
  using Planes = absl::StatusOr<std::shared_ptr<const SignVector>>;
  void Take(SessionId id, Session& session, const v1::ClientMessage& message, uint64_t bytes, Planes planes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Planes PlanesOf(SessionId id, const Incoming& incoming) ABSL_LOCKS_EXCLUDED(mu_);
  void Ballot(SessionId id, Session& session, const v1::BallotBlock& ballot, Planes planes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Answer(Session& session, const v1::BallotBlock& ballot, v1::BallotAnswer::Verdict verdict, std::string detail)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Applied(Client& client, const v1::Applied& applied) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Evaluated(Client& client, const v1::Evaluation& evaluation) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Its client, if one joined, has left with that; what was said to it before still goes out.
  void End(SessionId id, absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteLeft(const Session& session, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Depart(SessionId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Its ballot of the open round is neither counted nor waited for.
  void Withdraw(VoterId voter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndUnjoined(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::shared_ptr<const Snapshot> LendSnapshot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsAsked(const Client& client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A voter that hangs costs kPatience rounds their deadline, until it sends a ballot again.
  static constexpr uint32_t kPatience = 3;
  static bool IsAwaited(const Client& client) { return client.silent_rounds < kPatience; }
  void Hear(Client& client) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);  // it sent a ballot, be it late
  // Ballots of this round and before are counted already, or are just being counted.
  uint64_t CountedThrough(const Client& client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // closing.cc: from ballots to decision.
  void OpenRound() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FillSeats() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseEarlyIfCertain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);  // asks the runner
  void StageBallot(const BallotKey& key, std::shared_ptr<const SignVector> planes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // On the environment's runner.
  uint64_t DecidedRound();
  Closing& CurrentClosing();
  void RunClosing();
  std::vector<v1::JournalRecord> RecordsOf(const Closing& closing) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_mu_);
  // Lets newcomers start from no other parameters than those that they are being sent; true when these are the newest.
  bool HoldBackParameters();
  std::shared_ptr<const Snapshot> ShareParameters() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_mu_);
  ClosedRound FramesOf(const Closing& closing, size_t kept) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_mu_);
  bool Journal(std::span<const v1::JournalRecord> records);
  void PublishDecisions();
  void PublishRound(std::shared_ptr<const Snapshot> applied);
  void CountBallots() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The open round ends at its deadline, without these.
  void NoteMissing(const std::vector<VoterId>& missing) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void NoteOverdue(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string NamesOf(const std::vector<VoterId>& voters) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);  // the first few
  // Its ballot is what the round lacks, past its deadline.
  bool IsOverdue(const Client& client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ApplyToElectorate(std::span<const v1::JournalRecord> records) ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_mu_);
  double MeanTrust() ABSL_EXCLUSIVE_LOCKS_REQUIRED(core_mu_);
  StepOptions StepNow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The first round whose closing has not begun.
  uint64_t NextToClose() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // checkpointing.cc, on the runner too.
  // Calls `look` with mu_ held at the point up to which the journal then says everything.
  absl::Status JournalPending(const std::function<void()>& look);
  absl::StatusOr<std::shared_ptr<const signvote::Checkpoint>> TakeCheckpoint();

  // ahead.cc: decisions on blocks while the round is open.
  void DecideAheadIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);  // asks the runner
  void DecideAhead();

  // reliability_report.cc. What is known of voters, block by block: others may take core_mu_ between two blocks.
  struct Examination;
  Examination Examine();
  // Those whose last ballots say nothing, and none for those of whom that is no longer so.
  void AddAbstainers(std::map<std::string, Diagnosis>* found) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<VoterReport> ReportsOn(VoterId voter);                                      // one a block of the range
  VoterView ViewOf(std::span<const VoterReport> reports, const std::string& name) const;  // means over the blocks
  struct TensorRange {
    std::string name;
    uint64_t begin = 0, end = 0;
  };
  std::vector<TensorRange> TensorsHere() const;  // their coordinates on this server
  // By coordinate, of a sample of a tensor's.
  struct Sample {
    std::vector<float> crossovers, weights;
  };
  Sample SampleOf(VoterId voter, const TensorRange& tensor);

  // administration.cc.
  double Age() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);  // of the run, in seconds
  v1::RunStatus MakeStatus() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::Phase PhaseNow() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // But for what AddReliability adds.
  v1::ClientSummary Summarize(const Client& client) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddReliability(std::span<const VoterReport> reports, v1::ClientSummary* summary) const;
  // False: it is told already, or often: EventLog::Add.
  bool Note(v1::EventKind kind, const std::string& client, std::string detail) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The journal is to know the client as it is. Of what changes between two rounds evictions and readmissions are all
  // told, the rest once.
  void Record(const Client& client) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Problem() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GoOn(const std::string& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);  // after a pause
  bool IsPaused() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return pause_after_ && broadcast_.closed >= *pause_after_;
  }

  const ServerOptions options_;
  const ModelBundle bundle_;  // without its values
  const std::string run_;
  const std::string terms_;
  const Environment environment_;
  const absl::Time started_;
  const double seconds_before_;  // see State::seconds
  const BlockRange range_;
  EventLog events_;
  PlanePool planes_;

  Mutex core_mu_;
  Tally tally_ ABSL_GUARDED_BY(core_mu_);
  std::vector<SignVector> previous_decisions_ ABSL_GUARDED_BY(core_mu_);

  // Used on the runner.
  bool is_writing_checkpoint_ = false;
  Ahead ahead_;

  Mutex mu_;
  Broadcast broadcast_ ABSL_GUARDED_BY(mu_);
  Fingerprint closed_fingerprint_ ABSL_GUARDED_BY(mu_);  // of the parameters after broadcast_.closed
  Registry registry_ ABSL_GUARDED_BY(mu_);
  std::map<SessionId, Session> sessions_ ABSL_GUARDED_BY(mu_);
  SessionId last_session_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<std::pair<SessionId, absl::Time>> opened_ ABSL_GUARDED_BY(mu_);  // in order of time; until Join is due
  BallotBox box_ ABSL_GUARDED_BY(mu_);
  std::optional<Round> round_ ABSL_GUARDED_BY(mu_);  // takes ballots
  absl::Time round_opened_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  uint64_t overdue_ ABSL_GUARDED_BY(mu_) = 0;            // the last round that was looked at past its deadline
  bool is_judging_ ABSL_GUARDED_BY(mu_) = false;         // the runner is asked how certain the open round is
  bool decides_ahead_ ABSL_GUARDED_BY(mu_) = true;       // false: the rule does not
  bool is_deciding_ahead_ ABSL_GUARDED_BY(mu_) = false;  // the runner is asked to
  std::set<VoterId> asked_ ABSL_GUARDED_BY(mu_);         // with rounds.electorate: the round's draw
  std::optional<Closing> closing_ ABSL_GUARDED_BY(mu_);
  absl::Time retry_at_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();  // a closing that the disk refused
  std::string disk_problem_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::JournalRecord> pending_records_ ABSL_GUARDED_BY(mu_);  // to go before the next round's
  float step_size_ ABSL_GUARDED_BY(mu_);
  std::optional<uint64_t> pause_after_ ABSL_GUARDED_BY(mu_);             // no round after this one closes ...
  absl::Time pause_ends_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();  // ... before this time
  bool draining_ ABSL_GUARDED_BY(mu_) = false;                           // no round is opened ...
  bool rests_ ABSL_GUARDED_BY(mu_) = false;                              // ... nor closed
  std::optional<v1::Farewell> farewell_ ABSL_GUARDED_BY(mu_);            // once stopping or finished
  absl::Time finished_at_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  bool began_finished_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<const Snapshot> newest_ ABSL_GUARDED_BY(mu_);    // the parameters; null while they move
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mu_);  // those that newcomers are sent; null: to nobody
  std::deque<v1::Evaluation> evaluations_ ABSL_GUARDED_BY(mu_);    // the last few
  Suspicions suspicions_ ABSL_GUARDED_BY(mu_);
  uint64_t examined_ ABSL_GUARDED_BY(mu_) = 0;  // the last closed round when suspects were looked for
  std::set<SessionId> wake_ ABSL_GUARDED_BY(mu_);
  // Totals.
  uint64_t bytes_up_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t bytes_down_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t bytes_join_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t ballots_counted_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t decisions_delivered_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t row_bytes_up_ ABSL_GUARDED_BY(mu_) = 0;    // at the last row
  uint64_t row_bytes_down_ ABSL_GUARDED_BY(mu_) = 0;  // the same
  absl::Time first_opened_ ABSL_GUARDED_BY(mu_) = absl::InfiniteFuture();
  double seconds_per_round_ ABSL_GUARDED_BY(mu_) = 0;
  RoundRow last_row_ ABSL_GUARDED_BY(mu_);
  v1::RoundTimes all_rounds_ ABSL_GUARDED_BY(mu_);
  uint64_t rounds_closed_ ABSL_GUARDED_BY(mu_) = 0;
};

class ABSL_SCOPED_LOCKABLE Federation::Locked {
 public:
  explicit Locked(Federation* federation) ABSL_EXCLUSIVE_LOCK_FUNCTION(federation->mu_) : federation_(federation) {
    federation_->mu_.Lock();
  }
  ~Locked() ABSL_UNLOCK_FUNCTION() {
    std::set<SessionId> wake;
    wake.swap(federation_->wake_);
    federation_->mu_.Unlock();
    for (SessionId id : wake) federation_->environment_.wake(id);
  }
  Locked(const Locked&) = delete;

 private:
  Federation* federation_;
};

// Whoever holds core_mu_ may take long; mu_ is not held while waiting for it, or every session would wait too.
class ABSL_SCOPED_LOCKABLE Federation::CoreLock {
 public:
  explicit CoreLock(Federation* federation) ABSL_EXCLUSIVE_LOCK_FUNCTION(federation->core_mu_)
      ABSL_LOCKS_EXCLUDED(federation->mu_)
      : lock_(federation->core_mu_) {}
  ~CoreLock() ABSL_UNLOCK_FUNCTION() {}
  CoreLock(const CoreLock&) = delete;

 private:
  MutexLock lock_;
};

}  // namespace signvote
