// The full-screen view of a run.
#pragma once

#include <absl/status/statusor.h>

#include "server/ctl/shards.h"

namespace signvote::ctl {

struct Watched {
  std::vector<v1::RunStatus> last;  // of each shard
  int signal = 0;                   // that asked the process to end; 0: none
};

// Until the run ends, the user quits or a signal comes; a server that goes away is asked again every second. The
// terminal is as before when this returns. UNAVAILABLE: there is no terminal to be had.
absl::StatusOr<Watched> WatchOnScreen(Shards* shards);

}  // namespace signvote::ctl
