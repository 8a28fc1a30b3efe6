#include "server/vote/likelihood.h"

#include <algorithm>
#include <cmath>

namespace signvote {

ExpTable::ExpTable(uint32_t largest) {
  constexpr double kE = 2.718281828459045235360;
  double m = 1;
  int32_t e = 0;
  for (uint32_t k = 0; k <= largest; ++k) {
    mantissa.push_back(std::min(static_cast<float>(m), 0x1.fffffep0f));
    exponent.push_back(e);
    m *= kE;
    while (m >= 2) {
      m /= 2;
      ++e;
    }
  }
}

uint32_t LikelihoodPeriod(double sum, double clip) {
  int exponent = 0;
  std::frexp(sum, &exponent);
  return static_cast<uint32_t>(std::floor(126 / std::max<double>(exponent, clip * 1.45 + 1)));
}

}  // namespace signvote
