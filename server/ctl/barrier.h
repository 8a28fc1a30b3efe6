// All shards of a run after the same round, for as long as it takes to read them.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <optional>
#include <vector>

#include "server/ctl/shards.h"

namespace signvote::ctl {

// Keeps all shards after the same round for as long as it lives: pauses all, and lets those behind close the round that
// the first has closed. Shards are never more than a round apart, and its ballots are under way. Ten minutes at most:
// who reads longer must see that the rounds still agree.
class Barrier {
 public:
  explicit Barrier(Shards* shards) : shards_(shards) {}
  ~Barrier();  // resumes those that it paused, and then takes up a SIGINT or SIGTERM that came meanwhile
  Barrier(const Barrier&) = delete;

  // At once where there is one server. FAILED_PRECONDITION: one of them does not get there; says which, and why.
  absl::Status Reach();
  // CANCELLED: the user wants to end.
  static absl::Status GoesOn();

 private:
  absl::Status Pause(size_t shard, uint64_t after_round);

  Shards* const shards_;
  std::vector<size_t> paused_;                            // by this
  std::optional<std::array<void (*)(int), 2>> handlers_;  // of before
};

}  // namespace signvote::ctl
