// The table at the end of one or several runs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/ctl/run_files.h"

namespace signvote::ctl {

// The last measurement in (after, until]; NaN when there is none.
double MeasuredAt(const std::vector<Measurement>& measured, Measure what, uint64_t after, uint64_t until);

// Accuracies, and losses where some run has nothing else.
std::string RenderSummary(const std::vector<RunSummary>& runs);

}  // namespace signvote::ctl
