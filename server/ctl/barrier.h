// All shards of a run after the same round, for as long as it takes to read them.
#pragma once

#include <absl/status/status.h>

#include <array>
#include <optional>
#include <vector>

#include "server/ctl/shards.h"

namespace signvote::ctl {

// Brings shards that are paused after the same round: lets those behind close the round that the first has closed.
// Shards are never more than a round apart, and its ballots are under way. Shard i is paused for seconds[i] more; 0:
// until someone resumes it. FAILED_PRECONDITION: one of them does not get there; says which, and why. CANCELLED: see
// Barrier::GoesOn.
absl::Status Meet(Shards* shards, const std::vector<uint32_t>& seconds);

// Keeps all shards after the same round for as long as it lives: pauses those that go on, and has them meet. Ten
// minutes at most: who reads longer must see that the rounds still agree. Those that rest already rest on, whatever
// becomes of this.
class Barrier {
 public:
  explicit Barrier(Shards* shards) : shards_(shards) {}
  ~Barrier();  // resumes those that it paused, and then takes up a SIGINT or SIGTERM that came meanwhile
  Barrier(const Barrier&) = delete;

  // At once where there is one server. Errors: of Meet.
  absl::Status Reach();
  // CANCELLED: the user wants to end.
  static absl::Status GoesOn();

 private:
  Shards* const shards_;
  std::vector<size_t> paused_;                            // by this
  std::optional<std::array<void (*)(int), 2>> handlers_;  // of before
};

}  // namespace signvote::ctl
