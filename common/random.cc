#include "common/random.h"

#include <xxhash.h>

#include <cmath>
#include <numbers>

namespace signvote {

uint64_t ClientId(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

double Random::Normal() {
  const double radius = std::sqrt(-2 * std::log(1 - Unit()));  // 1 - Unit() lies in (0, 1]
  return radius * std::cos(2 * std::numbers::pi * Unit());
}

}  // namespace signvote
