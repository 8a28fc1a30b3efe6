// The table at the end of one or several runs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/ctl/run_files.h"

namespace signvote::ctl {

// The rounds to show: near a third and two thirds of the last round that was measured, those measured in most runs; and
// the last.
std::vector<uint64_t> ShownRounds(const std::vector<RunSummary>& runs, Measure what);

// NaN when the round was not measured.
double MeasuredAt(const std::vector<Measurement>& measured, Measure what, uint64_t round);

// Accuracies, and losses where some run has nothing else.
std::string RenderSummary(const std::vector<RunSummary>& runs);

}  // namespace signvote::ctl
