#include "tests/simulation/voting.h"

#include <bit>

#include "common/blocks.h"
#include "common/random.h"

namespace signvote::simulation {

namespace {

uint64_t KeyOf(const Basis& basis) {
  return Mix(basis.seed ^ basis.before.low) ^ Mix(basis.client_id + basis.round) ^
         Mix(std::bit_cast<uint32_t>(basis.magnitude));
}

}  // namespace

float MagnitudeOf(const Basis& basis) { return 0.5f + static_cast<float>(KeyOf(basis) % 1000) / 1000; }

SignVector SignsOf(const Basis& basis, uint64_t block, uint64_t coordinates) {
  const uint64_t truth = Mix(basis.seed + block);
  Random noise(KeyOf(basis) ^ block);
  SignVector signs;
  signs.signs.resize(WordsFor(coordinates));
  for (size_t w = 0; w < signs.signs.size(); ++w) signs.signs[w] = Mix(truth + w) ^ (noise.Next() & noise.Next());
  if (noise.Below(4) == 0) {
    signs.zeros.resize(signs.signs.size());
    for (uint64_t& zeros : signs.zeros) zeros = noise.Next() & noise.Next() & noise.Next();
  }
  if (coordinates % 64 != 0) {
    const uint64_t mask = (uint64_t{1} << coordinates % 64) - 1;
    signs.signs.back() &= mask;
    if (!signs.zeros.empty()) signs.zeros.back() &= mask;
  }
  for (size_t w = 0; w < signs.zeros.size(); ++w) signs.signs[w] &= ~signs.zeros[w];
  return signs;
}

}  // namespace signvote::simulation
