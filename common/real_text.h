// A loss or metric for a line of a log or a table. Pure.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace signvote {

// Four decimals, or four digits and an exponent where that is no way to write it: "1.6667", "2.115e+35", "3.2e-05".
// Not finite: "nan", "inf", "-inf".
inline std::string RealText(double value) {
  if (std::isnan(value)) return "nan";  // whatever its sign
  const double size = std::fabs(value);
  return value == 0 || (size >= 1e-3 && size < 1e7) ? fmt::format("{:.4f}", value) : fmt::format("{:.4g}", value);
}

}  // namespace signvote
