// What a simulated voter votes: a function of the run's seed, its name, the round and the parameters, as a gradient is.
#pragma once

#include <cstdint>

#include "common/fingerprint.h"
#include "common/sign_vector.h"

namespace signvote::simulation {

// What a ballot is computed from: the parameters' fingerprint before its round, and the voter's running magnitude as
// the server tells it with RoundOpen.
struct Basis {
  uint64_t seed = 0;
  uint64_t client_id = 0;
  uint64_t round = 0;
  Fingerprint before;
  float magnitude = 0;
};

// Dense over the block; voters agree on three coordinates in four, and every fourth ballot or so has abstentions.
SignVector SignsOf(const Basis& basis, uint64_t block, uint64_t coordinates);

// Of the gradient itself.
float MagnitudeOf(const Basis& basis);

}  // namespace signvote::simulation
