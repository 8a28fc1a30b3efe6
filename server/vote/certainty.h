// How much of a block's decision is certain before every ballot is in: rounds.close_early.
#pragma once

#include <span>

#include "server/vote/rule.h"

namespace signvote {

// The share, 0 to 1, of a sample of the block's coordinates (every word of 64, up to 64 words) whose decision the
// `missing` voters cannot change any more, whatever they vote. `ballots` and `missing` ascend by voter and have none in
// common; `electorate` ascends and contains both.
double CertainShare(const Rule& rule, BlockShape shape, std::span<const Ballot> ballots,
                    std::span<const VoterId> missing, std::span<const VoterId> electorate);

}  // namespace signvote
