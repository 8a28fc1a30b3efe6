// What decides the result of a round, and its canonical text: the part of a run's identity that its journal carries, so
// that the run can be recomputed from its directory alone.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "server/vote/rule.h"

namespace signvote {

struct RoundConfig {
  VoteOptions vote;
  float dither = 2;
  uint32_t fraction = 1;  // k
  uint64_t seed = 0;
};

// "rule=agreement carry=0.9 dither=2 ...": every field, in one order, numbers in the shortest form that reads back
// exactly.
std::string Canonical(const RoundConfig& config);

// The inverse. INVALID_ARGUMENT: an unknown, missing or repeated key, or a value that is not of its type.
absl::StatusOr<RoundConfig> ParseCanonical(std::string_view text);

// How `given` differs from `recorded`, key by key, for a message: "carry is 0.9 in the run, 0.8 in the configuration".
std::string DifferenceOf(std::string_view recorded, std::string_view given);

}  // namespace signvote
