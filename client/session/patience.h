// How long a client goes on trying to reach one server. Pure: time is an argument.
#pragma once

#include <absl/time/time.h>

#include <optional>

namespace signvote {

class Patience {
 public:
  // A crashed predecessor's session is noticed as dead after about this long.
  static constexpr absl::Duration kNameTakenLimit = absl::Minutes(2);

  // Time without a session; 0: any.
  explicit Patience(absl::Duration give_up) : give_up_(give_up) {}

  // A connection is attempted. Time before the first attempt does not count.
  void Tries(absl::Time now);
  // A session stands.
  void Reached(absl::Time now);
  // An attempt, or a session, has ended. Where it is to be the last one: how long it has been without a session, or
  // with the name taken each time.
  std::optional<absl::Duration> Ended(absl::Time now, bool name_taken);

 private:
  absl::Duration give_up_;
  absl::Time reached_ = absl::InfiniteFuture();      // when a session last stood, or the first attempt
  absl::Time taken_since_ = absl::InfiniteFuture();  // the first refusal of those in a row
};

}  // namespace signvote
