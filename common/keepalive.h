// Signs of life on silent links. Training is silent for minutes: pings keep a link open that would be forgotten on its
// way, and find out when it is dead. A server takes pings twice as often as any client may be told to send them.
#pragma once

#include <absl/time/time.h>
#include <grpc/impl/codegen/grpc_types.h>

#include <algorithm>

namespace signvote {

inline constexpr absl::Duration kKeepalive = absl::Seconds(60);
inline constexpr absl::Duration kLeastKeepalive = absl::Seconds(2);

// Calls set(name, value) for each argument of a gRPC channel or server that pings after `keepalive` without a sign of
// life, and takes the link for dead as long again without an answer, 20 s at most.
template <typename Set>
void SetKeepalive(absl::Duration keepalive, Set set) {
  set(GRPC_ARG_KEEPALIVE_TIME_MS, static_cast<int>(absl::ToInt64Milliseconds(keepalive)));
  set(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
      static_cast<int>(absl::ToInt64Milliseconds(std::min(keepalive, absl::Seconds(20)))));
  set(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  set(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      static_cast<int>(absl::ToInt64Milliseconds(kLeastKeepalive / 2)));
}

}  // namespace signvote
