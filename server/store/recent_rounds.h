// The decisions of the last rounds, picked from a journal as it is read: with them a server that has just started
// brings clients up to date that are a few rounds behind, without sending parameters.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "common/fingerprint.h"
#include "common/step.h"
#include "proto/signvote/v1/federation.pb.h"
#include "server/store/replay.h"

namespace signvote {

inline constexpr size_t kRecentRounds = 16;

struct RecentRound {
  uint64_t number = 0;
  Step step;
  uint32_t ballots = 0;
  std::vector<v1::SignBlock> decisions;  // one a block, none of them as a difference
  Fingerprint fingerprint;               // after it
};

// Not thread-safe. Holds at most `rounds` rounds.
class RecentRounds {
 public:
  explicit RecentRounds(size_t rounds) : limit_(rounds) {}

  // Keeps the decisions of an append that closes a round. DATA_LOSS: it cannot be parsed.
  absl::Status Add(Bodies bodies);

  // Those that lead to the parameters after `round`, which have `fingerprint`: ascending, without gaps.
  std::vector<RecentRound> Take(uint64_t round, const Fingerprint& fingerprint);

 private:
  struct Kept {
    v1::RoundRecord round;
    std::vector<std::string> decisions;  // serialised DecisionRecords
  };

  const size_t limit_;
  std::deque<Kept> kept_;
};

}  // namespace signvote
