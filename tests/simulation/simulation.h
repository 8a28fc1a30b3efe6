// One scenario from beginning to end: faults until its horizon, then everything heals, and the run has to come to its
// last round in bounded time and to pass its own verification and replay.
#pragma once

#include <optional>
#include <string>

#include "common/fingerprint.h"
#include "tests/simulation/scenario.h"

namespace signvote::simulation {

struct Outcome {
  std::optional<std::string> broken;  // the invariant that does not hold
  Fingerprint fingerprint;            // after the last round
  uint64_t rounds = 0, ballots = 0, server_starts = 0, give_ups = 0;
  double seconds = 0;  // simulated
};

Outcome Simulate(const Scenario& scenario, bool traces = false);

// Simulate, and where faults must not change the result, compares it with that of the calm run.
Outcome Check(uint64_t seed, bool traces = false);

}  // namespace signvote::simulation
