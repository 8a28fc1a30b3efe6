#include "client/session/backoff.h"

#include <algorithm>

namespace signvote {

absl::Duration Backoff::Next(double unit) {
  constexpr int kMostDoublings = 7;  // 0.1 s * 2^7 is above 10 s
  const absl::Duration whole = std::min(absl::Milliseconds(100) * (1 << attempt_), absl::Seconds(10));
  attempt_ = std::min(attempt_ + 1, kMostDoublings);
  return whole * (0.5 + 0.5 * unit);
}

}  // namespace signvote
