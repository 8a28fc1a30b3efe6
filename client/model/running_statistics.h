// Running statistics of batch normalisation (buffers whose names end in running_mean and running_var) are no
// parameters: no vote moves them. A voter's stay its own, and its gradients do not depend on them; who evaluates or
// exports a model measures them anew, on the parameters as they are then.
#pragma once

#include <absl/status/status.h>

#include <cstdint>

#include "client/data/dataset.h"
#include "client/model/module.h"

namespace signvote {

bool HasRunningStatistics(Module& module);

// Sets each statistic to its mean over so many samples of `dataset` (drawn, the same each time), in batches of about
// equal size, at most ModuleOptions::micro_batch, that count by their samples; else as torch.optim.swa_utils.update_bn
// does. INVALID_ARGUMENT: as MeanGradient.
absl::Status Recalibrate(Module& module, const Dataset& dataset, uint32_t samples);

}  // namespace signvote
