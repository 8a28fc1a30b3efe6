// How long to wait before the next attempt to connect: exponential with jitter, so that a federation does not return
// all at once. Pure: the caller brings the randomness.
#pragma once

#include <absl/time/time.h>

namespace signvote {

class Backoff {
 public:
  // `unit` is uniform in [0, 1): the delay is between half of and the whole of 0.1 s * 2^attempt, at most 10 s.
  absl::Duration Next(double unit);
  // A session was established.
  void Reset() { attempt_ = 0; }

 private:
  int attempt_ = 0;
};

}  // namespace signvote
