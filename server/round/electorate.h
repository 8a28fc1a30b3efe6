// Who is heard: the voters whose weights are scaled together in a round.
//
// The electorate of round t is every voter with a ballot in t or in the kMemory rounds before it, evicted ones
// excepted. It is a function of the ballots so far and of evictions, never of connections, so that a replay and a
// live run agree.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>

#include "server/vote/rule.h"

namespace signvote {

class Electorate {
 public:
  static constexpr uint64_t kMemory = 32;  // rounds

  // The electorate of `round`, ascending, given that `voters` (ascending) have ballots in it. Remembers them.
  std::vector<VoterId> Close(uint64_t round, std::span<const VoterId> voters);

  void SetEvicted(VoterId voter, bool evicted);

  void Save(std::string* out) const;
  absl::Status Restore(std::string_view bytes);

 private:
  std::map<VoterId, uint64_t> last_heard_;  // round; forgotten after kMemory rounds
  std::set<VoterId> evicted_;
};

// With `rounds.electorate: n`, each round asks only n voters, drawn from the candidates (ascending) by (seed, round).
// Fewer candidates, or n = 0: all of them. Ascending.
std::vector<VoterId> DrawElectorate(std::span<const VoterId> candidates, uint32_t n, uint64_t seed, uint64_t round);

}  // namespace signvote
