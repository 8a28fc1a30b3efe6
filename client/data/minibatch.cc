#include "client/data/minibatch.h"

#include "common/random.h"

namespace signvote {

std::vector<uint32_t> Minibatch(const DrawKey& key, std::span<const uint32_t> share, uint32_t batch) {
  Random random(Key(key.seed, Purpose::kBatch, key.client_id, key.round) + key.first);
  std::vector<uint32_t> samples(batch);
  for (uint32_t& sample : samples) sample = share[random.Below(share.size())];
  return samples;
}

}  // namespace signvote
