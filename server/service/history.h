// The last closed rounds as the frames that followers receive: serialised once, shared by all of them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/fingerprint.h"

namespace signvote {

// One serialised ServerMessage.
using Frame = std::shared_ptr<const std::string>;

// A block's decision, for those who have the one before of this block, maybe as the difference, and for those who have
// not.
struct DecisionFrames {
  Frame next;
  Frame plain;
};

struct ClosedRound {
  uint64_t number = 0;
  std::vector<DecisionFrames> decisions;  // one a block
  size_t kept = 0;                        // of the first blocks: their tentative decisions stand, if they had any
  Frame closed;                           // RoundClosed; null until the parameters have moved
  Fingerprint fingerprint;
};

// Not thread-safe. Memory is bounded: kRounds rounds.
class History {
 public:
  static constexpr uint64_t kRounds = 16;
  // A round is at most two bits a coordinate: to catch up by decisions costs no more bytes than parameters would.
  static_assert(kRounds * 2 <= 8 * sizeof(float));

  void Add(ClosedRound round);
  ClosedRound& Newest() { return rounds_.back(); }
  // Null when it is too old, or not decided yet. Without `closed` while only its decisions are known.
  const ClosedRound* Find(uint64_t number) const;

 private:
  std::deque<ClosedRound> rounds_;  // consecutive
};

}  // namespace signvote
