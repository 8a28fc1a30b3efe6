// Integer weights: what follows them is integer arithmetic, hence exact everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace signvote {

// round(total * w / sum |w|), halves away from zero; sums run in the order given. When every weight is 0, all are
// equal.
std::vector<int32_t> IntegerWeights(std::span<const double> weights, int64_t total);

}  // namespace signvote
