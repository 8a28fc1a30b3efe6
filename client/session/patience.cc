#include "client/session/patience.h"

#include <algorithm>

namespace signvote {

void Patience::Tries(absl::Time now) { reached_ = std::min(reached_, now); }

void Patience::Reached(absl::Time now) {
  reached_ = now;
  taken_since_ = absl::InfiniteFuture();
}

std::optional<absl::Duration> Patience::Ended(absl::Time now, bool name_taken) {
  taken_since_ = name_taken ? std::min(taken_since_, now) : absl::InfiniteFuture();
  const absl::Duration limit = name_taken ? kNameTakenLimit : give_up_;
  const absl::Duration without = now - (name_taken ? taken_since_ : reached_);
  return limit > absl::ZeroDuration() && without > limit ? std::optional(without) : std::nullopt;
}

}  // namespace signvote
