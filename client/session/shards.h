// The sessions of one client with the servers that share its model: a pure state machine over pure state machines. With
// one server it adds nothing.
//
// Its barrier: a session whose parameters are ahead of another's is not heard until that one has caught up; what it
// received waits here. So all of the parameters are those after one round whenever a ballot is computed or an
// evaluation begins. docs/sharding.md says why this never waits for ever.
//
// Not thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "client/session/session.h"

namespace signvote {

// To be carried out on the connection with this shard.
struct ShardAction {
  ShardAction(size_t of, Action what) : shard(of), action(std::move(what)) {}
  template <typename A>
  ShardAction(size_t of, std::in_place_type_t<A> type, A what) : shard(of), action(type, std::move(what)) {}

  size_t shard = 0;
  Action action;
};

class Shards {
 public:
  // At least one address, in any order; an address is for messages alone. `parameters` outlives the shards.
  Shards(const std::vector<std::string>& addresses, const SessionOptions& options, std::vector<float>* parameters);

  size_t count() const { return sessions_.size(); }
  // The others are connected to once the first one has handed out the model.
  bool MayConnect(size_t shard) const { return shard == 0 || !model_sha256_.empty(); }

  // As in Session. Action ComputeBallot does not come out: see TakeBallot; Evaluate, Finished and Failed concern all
  // shards and come out once.
  std::vector<ShardAction> Connected(size_t shard);
  std::vector<ShardAction> Received(size_t shard, v1::ServerMessage message);
  std::vector<ShardAction> Disconnected(size_t shard, const absl::Status& status);
  std::vector<ShardAction> EvaluationDone(const action::Evaluate& evaluation,
                                          const std::optional<v1::Evaluation>& result);
  std::vector<ShardAction> Leave();

  // After the actions of a call are carried out: one more thing that waited and now need not. nullopt: there is none.
  std::optional<std::vector<ShardAction>> Release();
  // Reading more from this shard only fills memory.
  bool IsHeld(size_t shard) const;

  // A ballot to compute on the parameters as they are, and to answer by BallotBlockReady for each of these blocks.
  struct BallotRequest {
    uint64_t round = 0;
    float magnitude = 0;  // as in ComputeBallot; all shards that counted the same ballots know the same
    std::vector<uint64_t> blocks;
    std::vector<std::string> notices;
  };
  bool HasBallot() const { return NextBallot() != 0; }
  std::optional<BallotRequest> TakeBallot();
  std::vector<ShardAction> BallotBlockReady(uint64_t round, uint64_t block, const SignVector& signs,
                                            float magnitude = 0);

  // Of any shard that was joined; all agree on what a voter needs.
  const v1::RunConfig& config() const { return sessions_[joined_]->config(); }
  uint64_t client_id() const { return sessions_[joined_]->client_id(); }
  const std::vector<TensorShape>& tensors() const { return sessions_[joined_]->tensors(); }
  const BlockRange& range(size_t shard) const { return sessions_[shard]->range(); }
  bool IsLoaded() const;  // all of the parameters are there
  bool IsFollowing(size_t shard) const { return sessions_[shard]->IsFollowing(); }

 private:
  using Waiting = std::variant<v1::ServerMessage, absl::Status>;  // received, or the end of the connection

  std::vector<ShardAction> Hear(size_t shard, const Waiting& waiting);
  // Refuses a Welcome that does not fit the other shards'.
  absl::Status Check(size_t shard, const v1::Welcome& welcome) const;
  // Sorts out what a session asks for.
  void Sort(size_t shard, std::vector<Action> actions, std::vector<ShardAction>* out);
  // Evaluations that all shards are ready for, or that one of them has gone past.
  void SettleEvaluations(std::vector<ShardAction>* out);
  // Grows with every shard's run, so that no two evaluations that come out are alike.
  uint64_t Run() const;
  // The lowest round that can be voted in now; 0: none.
  uint64_t NextBallot() const;
  uint64_t LowestRound() const;

  const std::vector<std::string> addresses_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::deque<Waiting>> waiting_;   // by shard
  std::vector<action::ComputeBallot> wanted_;  // by shard: the ballot it wants; round 0: none
  std::vector<bool> finished_;                 // by shard
  std::string model_sha256_;                   // of the model that was loaded
  size_t joined_ = 0;                          // joined or sent the model last
  bool leaving_ = false;
  bool over_ = false;

  using Askers = std::map<size_t, action::Evaluate>;  // by shard: as its session asked
  std::map<uint64_t, Askers> to_evaluate_;            // by round
  std::map<action::Evaluate, Askers> evaluating_;     // by what came out
};

}  // namespace signvote
