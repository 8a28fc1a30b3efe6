#include "client/simulation.h"

#include "common/random.h"

namespace signvote {
namespace {

// From a coordinate on. Of these, bits beyond the last coordinate are the caller's.
void Flip(uint64_t from, SignVector* signs) {
  for (size_t w = from / 64; w < signs->signs.size(); ++w) {
    signs->signs[w] ^= ~uint64_t{0} << (w == from / 64 ? from % 64 : 0);
  }
  for (size_t w = 0; w < signs->zeros.size(); ++w) signs->signs[w] &= ~signs->zeros[w];
}

void Draw(uint64_t key, SignVector* signs) {
  for (size_t w = 0; w < signs->signs.size(); ++w) signs->signs[w] = Mix(key + w);
  signs->zeros.clear();
}

void FlipEighth(uint64_t key, SignVector* signs) {
  for (size_t w = 0; w < signs->signs.size(); ++w) {
    signs->signs[w] ^= Mix(key + 3 * w) & Mix(key + 3 * w + 1) & Mix(key + 3 * w + 2);
  }
}

}  // namespace

uint32_t SimulatedBatch(const Simulation& simulation, uint32_t batch, uint64_t round) {
  return simulation.batch > 0 && round >= simulation.from_round ? simulation.batch : batch;
}

uint32_t SimulatedLateness(const Simulation& simulation, uint64_t round) {
  return round >= simulation.from_round ? simulation.late : 0;
}

uint64_t LastLayer(std::span<const TensorShape> tensors) {
  uint64_t first = 0;
  for (size_t i = 0; i + 2 < tensors.size(); ++i) first += tensors[i].Coordinates();
  return first;
}

void SimulateAttack(const Simulation& simulation, uint64_t client_id, uint64_t round, uint64_t block,
                    uint64_t coordinates, uint64_t last_layer, SignVector* signs) {
  if (simulation.attack == "none" || round < simulation.from_round) return;
  const uint64_t of_round = Mix(Mix(client_id) + round);
  if (simulation.attack == "flip" || (simulation.attack == "flip-half" && of_round >> 63 != 0)) {
    Flip(0, signs);
  } else if (simulation.attack == "flip-last") {
    Flip(last_layer, signs);
  } else if (simulation.attack == "random") {
    Draw(Mix(of_round + block), signs);
  } else if (simulation.attack == "same" || simulation.attack == "alike") {
    Draw(Mix(block), signs);
    if (simulation.attack == "alike") FlipEighth(Mix(of_round + block), signs);
  }
  if (coordinates % 64 != 0) signs->signs.back() &= (uint64_t{1} << coordinates % 64) - 1;
}

}  // namespace signvote
