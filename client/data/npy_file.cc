#include "client/data/npy_file.h"

#include <cstring>
#include <limits>
#include <regex>
#include <string_view>

#include "common/status.h"

namespace signvote {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct Header {
  std::string type;  // NumPy's, as "<f4"
  std::vector<uint64_t> shape;
  uint64_t count = 1;
};

absl::StatusOr<Header> ParseHeader(const std::string& file, const std::string& text) {
  static const std::regex kType(R"('descr':\s*'([^']*)')");
  static const std::regex kOrder(R"('fortran_order':\s*(True|False))");
  static const std::regex kShape(R"('shape':\s*\(([0-9, ]*)\))");
  std::smatch type, order, shape;
  if (!std::regex_search(text, type, kType) || !std::regex_search(text, order, kOrder) ||
      !std::regex_search(text, shape, kShape)) {
    return InvalidArgument("{}: a header that is no plain array's: {}", file, text.substr(0, 100));
  }
  if (order[1] == "True") {
    return InvalidArgument("{}: is in Fortran order: save numpy.ascontiguousarray(array)", file);
  }
  Header header;
  header.type = type[1];
  const std::string sizes = shape[1];
  static const std::regex kNumber("[0-9]+");
  for (auto it = std::sregex_iterator(sizes.begin(), sizes.end(), kNumber); it != std::sregex_iterator(); ++it) {
    header.shape.push_back(std::strtoull(it->str().c_str(), nullptr, 10));
    if (__builtin_mul_overflow(header.count, header.shape.back(), &header.count)) header.count = UINT64_MAX;
  }
  return header;
}

template <typename T>
std::vector<T> As(std::span<const char> bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <typename T>
std::vector<float> Floats(std::span<const char> bytes) {
  const std::vector<T> values = As<T>(bytes);
  return {values.begin(), values.end()};
}

template <typename T>
absl::StatusOr<std::vector<int32_t>> Integers(const std::string& file, std::span<const char> bytes) {
  const std::vector<T> values = As<T>(bytes);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::in_range<int32_t>(values[i])) {
      return InvalidArgument("{}: number {} is {}, expected at most {}", file, i, values[i],
                             std::numeric_limits<int32_t>::max());
    }
  }
  return std::vector<int32_t>(values.begin(), values.end());
}

size_t SizeOf(const std::string& type) { return type.size() == 3 ? static_cast<size_t>(type[2] - '0') : 0; }

absl::StatusOr<decltype(NpyArray::values)> Convert(const std::string& file, const std::string& type,
                                                   std::span<const char> bytes) {
  if (type == "|u1" || type == "|b1") return As<uint8_t>(bytes);
  if (type == "<f4") return As<float>(bytes);
  if (type == "<f8") return Floats<double>(bytes);
  if (type == "|i1") return Integers<int8_t>(file, bytes);
  if (type == "<i2") return Integers<int16_t>(file, bytes);
  if (type == "<u2") return Integers<uint16_t>(file, bytes);
  if (type == "<i4") return Integers<int32_t>(file, bytes);
  if (type == "<u4") return Integers<uint32_t>(file, bytes);
  if (type == "<i8") return Integers<int64_t>(file, bytes);
  if (type == "<u8") return Integers<uint64_t>(file, bytes);
  return InvalidArgument("{}: holds numbers of type {}, expected bool, float32, float64 or little-endian integers",
                         file, type);
}

}  // namespace

absl::StatusOr<NpyArray> ParseNpy(const std::string& file, std::span<const char> bytes) {
  const std::string_view text(bytes.data(), bytes.size());
  if (!text.starts_with(kMagic) || text.size() < 12) return InvalidArgument("{}: is no .npy file", file);
  const bool is_first = text[6] == 1;  // version 1.0: a shorter length
  uint32_t length = 0;
  std::memcpy(&length, &text[8], is_first ? 2 : 4);
  const size_t begin = (is_first ? 10 : 12) + size_t{length};
  if (begin > text.size()) return InvalidArgument("{}: truncated: {} bytes end within the header", file, text.size());
  const std::string words(text.substr(is_first ? 10 : 12, length));
  ASSIGN_OR_RETURN(Header header, ParseHeader(file, words));
  const std::span<const char> data = bytes.subspan(begin);
  const size_t size = SizeOf(header.type);
  if (size > 0 && size <= 8 && (data.size() % size != 0 || data.size() / size != header.count)) {
    return InvalidArgument("{}: {}: {} bytes after the header, expected {} numbers of {} bytes", file,
                           data.size() / size < header.count ? "truncated" : "too long", data.size(), header.count,
                           size);
  }
  NpyArray array;
  ASSIGN_OR_RETURN(array.values, Convert(file, header.type, data));
  array.shape = std::move(header.shape);
  return array;
}

std::string NpyHeader(std::span<const uint64_t> shape) {
  std::string words = fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}",
                                  fmt::join(shape.begin(), shape.end(), ", "), shape.size() == 1 ? "," : "");
  const size_t total = (kMagic.size() + 4 + words.size() + 1 + 63) / 64 * 64;
  words.resize(total - kMagic.size() - 4 - 1, ' ');
  words += '\n';
  std::string header(kMagic);
  header += {'\1', '\0', static_cast<char>(words.size() & 0xFF), static_cast<char>(words.size() >> 8)};
  return header + words;
}

}  // namespace signvote
