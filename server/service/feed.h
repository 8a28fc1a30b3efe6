// What one session is to receive next: a cursor over what everyone receives, so that a slow reader costs no memory.
//
// A feed sends, in this order: answers and greetings said to this client alone; the model where it lacks it; parameters
// where decisions would be more bytes or are gone; then every closed round's decisions, and the opening of the next. A
// feed whose next round has left the history starts over with parameters.
//
// Not thread-safe.
#pragma once

#include <absl/time/time.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/fingerprint.h"
#include "common/sign_vector.h"
#include "common/step.h"
#include "proto/signvote/v1/federation.pb.h"
#include "server/service/history.h"

namespace signvote {

struct Snapshot {
  uint64_t round = 0;
  std::shared_ptr<const std::vector<float>> parameters;
  Fingerprint fingerprint;
};

// What all feeds draw from.
struct Broadcast {
  BlockRange range;
  std::string module;  // bytes of model.pt
  History history;
  // Of the round that is open or closing, without its end: the blocks that are decided so far, as tentative decisions.
  ClosedRound ahead;
  uint64_t closed = 0;  // last closed round
  uint64_t open = 0;    // the round that takes ballots; 0: none
  // The parameters to send to newcomers; null while they move: the owner wakes its readers afterwards. The owner may
  // retire it at any time: its readers then start over.
  std::function<std::shared_ptr<const Snapshot>()> snapshot;
};

Frame MakeFrame(const v1::ServerMessage& message);
// `before` is the decision before on this block, null where there is none or it is of no use. A tentative one may be
// followed by another one on the same block.
DecisionFrames MakeDecision(uint64_t round, Step step, uint64_t block, const SignVector& decision,
                            const SignVector* before, bool is_tentative);

// The gRPC message prefix that goes with each serialised message.
inline constexpr uint64_t kPrefixBytes = 5;

class Feed {
 public:
  // What a frame's bytes are counted as; kRoundEnd is the last of a round's.
  enum class Kind { kControl, kJoin, kRound, kRoundEnd };
  struct Item {
    Frame frame;  // null: nothing to send now
    Kind kind = Kind::kControl;
  };

  // Goes out before anything else.
  void Say(const v1::ServerMessage& message);
  size_t said() const { return said_.size(); }

  // Starts to follow, after the greeting: first the model if asked for, then decisions from round `from` on, or, with
  // `from` 0, parameters.
  void Start(bool send_model, uint64_t from);

  // `asked` is whether this client votes in the open round, `magnitude` what it is told with the opening.
  Item Next(const Broadcast& broadcast, bool asked, float magnitude);

  bool IsLoading() const { return stage_ == Stage::kParameters; }

 private:
  enum class Stage { kQuiet, kModel, kParameters, kFollowing };

  Frame NextModelChunk(const Broadcast& broadcast);
  Frame NextParameters(const Broadcast& broadcast);
  Frame NextDecision(const Broadcast& broadcast);
  Frame NextTentative(const Broadcast& broadcast);
  Frame NextBlock(const ClosedRound& round);
  Frame Opening(const Broadcast& broadcast, bool asked, float magnitude);
  void Follow(uint64_t from);
  void Load();

  std::deque<Frame> said_;
  Stage stage_ = Stage::kQuiet;
  uint64_t offset_ = 0;                     // bytes of the model, or coordinates of the snapshot
  std::weak_ptr<const Snapshot> snapshot_;  // kParameters
  uint64_t next_round_ = 0;                 // kFollowing
  size_t next_block_ = 0;
  bool is_ahead_ = false;             // tentative decisions of next_round_ were sent
  bool has_decision_before_ = false;  // differences may be sent
  uint64_t announced_ = 0;            // open round that was announced
  bool was_asked_ = false;            // in it: who is asked later is told anew
};

}  // namespace signvote
