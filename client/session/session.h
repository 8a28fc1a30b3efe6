// A client's side of one session with one server: a pure state machine without gRPC, clock or threads. What happens
// goes in as a call; what is to be done about it comes out as actions, to be carried out in order.
//
//   disconnected --Connected--> joining --Welcome--> following --Farewell, Failed--> over
//        ^-------------- Disconnected, mismatch, STOPPING ------------'
//
// Following, the parameters move with every decision block. They may be read between calls, from the calling thread; a
// ballot for round r is computed on what they are when ComputeBallot{r} comes out. A later ComputeBallot takes the
// place of an earlier one. A ballot's blocks are kept until its round closes and are sent again after a reconnection.
//
// With several servers, each holding a range of blocks, a client keeps one Session a server over one vector of
// parameters: see Shards. Not thread-safe.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/session/model_download.h"
#include "client/session/replica.h"
#include "common/safetensors.h"
#include "common/status.h"

namespace signvote {

struct SessionOptions {
  std::string name;
  v1::Role role = v1::VOTER;
  uint32_t batch = 1;
  uint32_t fraction = 0;                          // own k; 0: the server's
  uint64_t evaluate_every = 0;                    // observer: after each k-th round and the last; 0: after the last
  std::string model_sha256;                       // 32 bytes: no other model is loaded; empty: any
  std::map<std::string, uint64_t> settings = {};  // what all clients should have alike: as in Join
};

namespace action {
struct Send {
  std::shared_ptr<const v1::ClientMessage> message;
};
// model.pt is there. The parameters' vector keeps its address and size from here to the next LoadModel or until a
// server welcomes with other tensors; from then on nothing is to be computed before LoadModel.
struct LoadModel {
  std::string bytes;
};
// Answer with BallotBlockReady for each block of the range, or with nothing if it cannot be had.
struct ComputeBallot {
  uint64_t round = 0;
  float magnitude = 0;  // the running mean of this client's ballots as the server knows it; 0: it knows none
};
// Answer with EvaluationDone. The parameters are those of this round now and change with the next call.
struct Evaluate {
  uint64_t round = 0;
  uint64_t run = 0;  // of the client's runs, counted as they come: a round of one is not that of another
  auto operator<=>(const Evaluate&) const = default;
};
// Close the connection, wait (at least this long), open another, call Connected.
struct Reconnect {
  uint32_t after_seconds = 0;
  bool name_taken = false;  // another live session holds the name: maybe our own of before a crash
  absl::Status why;
};
struct Finished {
  std::string reason;
};
struct Failed {
  ExitCode code = kExitFailure;
  absl::Status status;
};
// For the log.
struct Notice {
  bool warning = false;
  std::string text;
};
}  // namespace action

using Action = std::variant<action::Send, action::LoadModel, action::ComputeBallot, action::Evaluate, action::Reconnect,
                            action::Finished, action::Failed, action::Notice>;

class Session {
 public:
  // `parameters` belongs to the caller and outlives the session; empty until Welcome.
  Session(const SessionOptions& options, std::vector<float>* parameters);

  std::vector<Action> Connected();
  std::vector<Action> Received(const v1::ServerMessage& message);
  std::vector<Action> Disconnected(const absl::Status& status);
  // `signs` are of all coordinates of the block; the session takes the stripes out that it votes on. `magnitude` is
  // that of the gradient, 0: not to be told.
  std::vector<Action> BallotBlockReady(uint64_t round, uint64_t block, const SignVector& signs, float magnitude = 0);
  // Without a result the evaluation was given up. One of an earlier run is not heard.
  std::vector<Action> EvaluationDone(const action::Evaluate& evaluation, const std::optional<v1::Evaluation>& result);
  // The user wants to end.
  std::vector<Action> Leave();

  // The caller has this model already, with its parameters in the order of these tensors: it need not be sent.
  void AdoptModel(const std::string& sha256, const std::vector<TensorShape>& tensors);
  // The blocks of a ballot for round() + 1 will come without ComputeBallot; false: one was asked for already.
  bool ExpectBallot(uint64_t round);

  // Of the last Welcome.
  const v1::Welcome& welcome() const { return welcome_; }
  const v1::RunConfig& config() const { return welcome_.config(); }
  uint64_t client_id() const { return welcome_.client_id(); }
  const std::vector<TensorShape>& tensors() const { return tensors_; }
  const BlockRange& range() const { return replica_.range(); }

  bool IsFollowing() const { return state_ == State::kFollowing; }
  bool IsLoaded() const { return replica_.IsLoaded(); }  // the parameters are there
  uint64_t round() const { return replica_.round(); }    // the parameters are those after this round
  uint64_t run() const { return run_; }                  // as in action::Evaluate
  // The parameters are still those on which the ballot of `round` is to be computed.
  bool IsBasisOf(uint64_t round) const {
    return replica_.IsLoaded() && replica_.round() + 1 == round && !replica_.IsMoving();
  }

 private:
  enum class State { kDisconnected, kJoining, kFollowing, kOver };

  void OnWelcome(const v1::Welcome& welcome);
  void OnModel(const v1::ModelChunk& chunk);
  void OnParameters(const v1::ParametersChunk& chunk);
  void OnRoundOpen(const v1::RoundOpen& open);
  void OnDecision(const v1::DecisionBlock& decision);
  void OnRoundClosed(const v1::RoundClosed& closed);
  void OnBallotAnswer(const v1::BallotAnswer& answer);
  void OnFarewell(const v1::Farewell& farewell);

  bool HasModel() const { return welcome_.model_sha256() == model_sha256_; }
  void SayApplied();
  void EvaluateWhereDue();
  void LeaveWhenComplete();
  bool IsComplete() const;  // the last round's parameters are there
  void Resync(const absl::Status& why);
  void Rejoin(action::Reconnect reconnect);
  void Finish(const std::string& reason);
  void Fail(ExitCode code, const absl::Status& status);
  template <typename A>
  void Do(A action) {
    actions_.emplace_back(std::in_place_type<A>, std::move(action));
  }
  void Send(v1::ClientMessage message);
  void Note(bool warning, std::string text);
  std::vector<Action> TakeActions() { return std::exchange(actions_, {}); }

  const SessionOptions options_;
  Replica replica_;
  ModelDownload download_;
  State state_ = State::kDisconnected;
  std::vector<Action> actions_;  // of the current call

  v1::Welcome welcome_;
  std::vector<TensorShape> tensors_;
  std::string model_sha256_;                // of the model that was loaded
  std::vector<TensorShape> model_tensors_;  // that it was loaded with
  uint32_t resyncs_ = 0;                    // since a fingerprint last agreed

  // The ballot that was asked for last.
  struct KeptBallot {
    uint64_t round = 0;
    std::map<uint64_t, action::Send> blocks;
  };
  KeptBallot ballot_;
  uint64_t open_ = 0;  // the round that this connection was told to vote in; 0: none

  uint64_t run_ = 0;        // Welcomes to another run than the one before
  uint64_t evaluated_ = 0;  // last round of it that Evaluate was asked for
  uint64_t pending_evaluations_ = 0;
  std::vector<v1::Evaluation> unsent_;  // measured while disconnected
  bool leaving_ = false;                // Leave was sent or asked for
  bool dismissed_ = false;              // Farewell FINISHED came while evaluations were pending
};

}  // namespace signvote
