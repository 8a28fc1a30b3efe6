// Randomised response (Warner 1965) on single signs: what a server learns of one is bounded, whatever it does.
//
// A sign that is flipped with probability p < 1/2 is epsilon-differentially private with epsilon = ln((1 - p) / p).
// That is of one sign: a ballot of N signs has N times that, and rounds add up. The flips come from the system's
// cryptographic generator, not from the seeds that the server knows; a client that is killed and started again
// therefore votes other bits.
#pragma once

#include <cstdint>

#include "common/sign_vector.h"

namespace signvote {

// Flips each sign of a block of so many coordinates with probability p, 0 to 1/2, rounded to a multiple of 2^-16. Signs
// that abstain are left as they are. Aborts when the system has no randomness.
void FlipSigns(double probability, uint64_t coordinates, SignVector* signs);

double SignEpsilon(double probability);

}  // namespace signvote
