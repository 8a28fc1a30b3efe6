// What all clients of a run should have alike, told to the server as hashes, so that it can say where they have not:
// nothing else would, and a model trained on inputs that mean different things is merely worse. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "client/data/dataset.h"

namespace signvote {

// By key of client.yaml, XXH3-64 of what the data are in fact: a format that has its own normalisation has that. A key
// is missing where the data know nothing of it. `loss` as configured; empty: not told, for it is the module's matter.
std::map<std::string, uint64_t> CommonSettings(const Dataset& dataset, const std::string& loss);

}  // namespace signvote
