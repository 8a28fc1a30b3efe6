// Logarithm and exponential from additions, multiplications and divisions alone, in one written-down order: the same
// bits on every machine, where a C library's may differ in the last one. Relative error below 1e-14.
#pragma once

#include <cmath>
#include <cstdint>

namespace signvote {

inline constexpr double kLn2 = 0.693147180559945309417;

// x > 0 and finite.
inline double PortableLog(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // exact
  if (m < 0.70710678118654752440) {
    m *= 2;
    exponent -= 1;
  }
  const double z = (m - 1) / (m + 1);
  const double z2 = z * z;
  double sum = 0;
  for (int k = 27; k >= 1; k -= 2) sum = sum * z2 + 1.0 / k;
  return exponent * kLn2 + 2 * (z * sum);
}

// |x| <= 700.
inline double PortableExp(double x) {
  const double n = std::floor(x / kLn2 + 0.5);
  const double r = x - n * kLn2;
  double sum = 1;
  for (int k = 18; k >= 1; --k) sum = 1 + sum * r / k;
  return std::ldexp(sum, static_cast<int>(n));
}

}  // namespace signvote
