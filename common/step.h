// How a decision moves the parameters (eq. 5, with decoupled weight decay): the one definition that server, clients
// and observers share, so that their fingerprints agree.
#pragma once

#include <cstdint>
#include <span>

namespace signvote {

struct Step {
  float size = 0;   // delta_t
  float decay = 1;  // 1 - delta_t * weight_decay, rounded to float

  bool operator==(const Step&) const = default;
};

// x <- decay * x - size * U for each coordinate, U = +1 or -1 by its sign bit; product and difference are each rounded
// to float32 (decay 1 multiplies exactly). Where `holds` (may be empty) has a bit, x does not move at all.
// signs: WordsFor(x.size()) words.
void ApplyDecision(std::span<const uint64_t> signs, std::span<const uint64_t> holds, Step step, std::span<float> x);

}  // namespace signvote
