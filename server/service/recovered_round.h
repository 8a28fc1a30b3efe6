// A round of before this process started, as the frames that followers receive.
#pragma once

#include "server/service/history.h"
#include "server/store/recent_rounds.h"

namespace signvote {

// `first_block` is the first of the server's blocks.
ClosedRound RecoveredRound(RecentRound round, uint64_t first_block);

}  // namespace signvote
