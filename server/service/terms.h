// What the shards of one run must have in common: clients refuse shards whose texts differ.
#pragma once

#include <string>

#include "common/fingerprint.h"
#include "server/service/options.h"

namespace signvote {

// RunConfig.terms. `initial`: of the parameters of all blocks before round 1.
std::string TermsOf(const ServerOptions& options, const Fingerprint& initial);

}  // namespace signvote
