// Which samples a client draws for a round: a pure function, so a client that restarts casts the same ballot again.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace signvote {

struct DrawKey {
  uint64_t seed = 0;
  uint64_t client_id = 0;
  uint64_t round = 0;
  uint64_t first = 0;  // of a client's samples in this round, the number of the first that is meant

  bool operator==(const DrawKey&) const = default;
};

// `batch` members of `share`, with replacement, uniformly: element first + i of the sequence Key(seed, kBatch,
// client_id, round). Hence a smaller batch is the beginning of a larger one. `share` is not empty.
std::vector<uint32_t> Minibatch(const DrawKey& key, std::span<const uint32_t> share, uint32_t batch);

}  // namespace signvote
