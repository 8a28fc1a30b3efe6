// Randomised response (Warner 1965) on single signs: what one vote tells of one sign is bounded, whatever is done with
// it afterwards.
//
// A sign that is flipped with probability p < 1/2 is epsilon-differentially private with epsilon = ln((1 - p) / p).
// That is of one sign of one vote: a ballot of N signs has N times that, and votes add up, those of several rounds as
// those of one round that a server opens again, since each draws flips of its own. And p is what the server says in its
// Welcome. So this bounds what others learn of the ballots of an honest server, and no server that lies. The flips come
// from the system's cryptographic generator, not from the seeds that the server knows; a client that is killed and
// started again therefore votes other bits.
#pragma once

#include <cstdint>

#include "common/sign_vector.h"

namespace signvote {

// Flips each sign of a block of so many coordinates with probability p, 0 to 1/2, rounded to a multiple of 2^-16. Signs
// that abstain are left as they are. Aborts when the system has no randomness.
void FlipSigns(double probability, uint64_t coordinates, SignVector* signs);

double SignEpsilon(double probability);

}  // namespace signvote
