// NumPy's .npy format (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html):
//   file := "\x93NUMPY" major minor header-length header values     header-length: 2 bytes (major 1) or 4
//   header := a Python dict with 'descr', 'fortran_order', 'shape'
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace signvote {

struct NpyArray {
  std::vector<uint64_t> shape;
  // uint8 stay bytes and bool become bytes 0 and 1, float32 and float64 become float32, other integers int32.
  std::variant<std::vector<uint8_t>, std::vector<float>, std::vector<int32_t>> values;
  bool is_boolean = false;
};

// INVALID_ARGUMENT: not .npy, a header above 64 KiB, truncated, Fortran order, another type (as float16, or
// big-endian), an integer beyond int32. Messages begin with `file`.
absl::StatusOr<NpyArray> ParseNpy(const std::string& file, std::span<const char> bytes);

// The bytes before the values of a float32 array in C order.
std::string NpyHeader(std::span<const uint64_t> shape);

}  // namespace signvote
