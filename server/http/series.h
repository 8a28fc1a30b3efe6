// Rounds as columns for charts.
#pragma once

#include <span>

#include "common/json.h"
#include "proto/signvote/v1/admin.pb.h"

namespace signvote {

// {"columns": [names], "rounds": [[values], ...], "evaluations": [[round, accuracy or null, loss], ...]}. More than
// `points` rounds are thinned: neighbours become one row, with the last one's round, step, trust and seconds, and means
// of the rest. Evaluations are never averaged; of more than `points` some are left out, but never the last.
Json SeriesOf(std::span<const v1::RoundSummary> rounds, size_t points);

}  // namespace signvote
