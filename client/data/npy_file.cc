#include "client/data/npy_file.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <regex>
#include <string_view>

#include "common/status.h"

namespace signvote {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr uint32_t kLongestHeader = 1 << 16;

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

using Values = decltype(NpyArray::values);

struct Type {
  std::string_view name;
  size_t size;
  absl::StatusOr<Values> (*convert)(const std::string& file, std::span<const char> bytes);
};

template <typename T>
constexpr Type Real(std::string_view name) {
  return {name, sizeof(T), [](const std::string&, std::span<const char> bytes) -> absl::StatusOr<Values> {
            const std::vector<T> values = As<T>(bytes);
            return std::vector<float>(values.begin(), values.end());
          }};
}

template <typename T>
constexpr Type Whole(std::string_view name) {
  return {name, sizeof(T), [](const std::string& file, std::span<const char> bytes) -> absl::StatusOr<Values> {
            return Integers<T>(file, bytes);
          }};
}

constexpr std::string_view kBoolean = "|b1";
constexpr Type kTypes[] = {
    {kBoolean, 1,
     [](const std::string&, std::span<const char> bytes) -> absl::StatusOr<Values> {
       std::vector<uint8_t> values = As<uint8_t>(bytes);
       for (uint8_t& value : values) value = value != 0;
       return values;
     }},
    {"|u1", 1,
     [](const std::string&, std::span<const char> bytes) -> absl::StatusOr<Values> { return As<uint8_t>(bytes); }},
    Real<float>("<f4"),
    Real<double>("<f8"),
    Whole<int8_t>("|i1"),
    Whole<int16_t>("<i2"),
    Whole<uint16_t>("<u2"),
    Whole<int32_t>("<i4"),
    Whole<uint32_t>("<u4"),
    Whole<int64_t>("<i8"),
    Whole<uint64_t>("<u8"),
};

}  // namespace

absl::StatusOr<NpyArray> ParseNpy(const std::string& file, std::span<const char> bytes) {
  const std::string_view text(bytes.data(), bytes.size());
  if (!text.starts_with(kMagic) || text.size() < 12) return InvalidArgument("{}: is no .npy file", file);
  const bool is_first = text[6] == 1;  // version 1.0: a shorter length
  uint32_t length = 0;
  std::memcpy(&length, &text[8], is_first ? 2 : 4);
  if (length > kLongestHeader) {
    return InvalidArgument("{}: has a header of {} bytes, expected at most {}", file, length, kLongestHeader);
  }
  const size_t begin = (is_first ? 10 : 12) + size_t{length};
  if (begin > text.size()) return InvalidArgument("{}: truncated: {} bytes end within the header", file, text.size());
  const std::string words(text.substr(is_first ? 10 : 12, length));
  ASSIGN_OR_RETURN(Header header, ParseHeader(file, words));
  const std::span<const char> data = bytes.subspan(begin);
  const auto* type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& one) { return one.name == header.type; });
  if (type == std::end(kTypes)) {
    return InvalidArgument(
        "{}: holds values of type {}, expected bool, integers, float32 or float64, little-endian: save "
        "array.astype(\"<f4\"), or \"<i8\" for whole numbers",
        file, header.type);
  }
  if (data.size() % type->size != 0 || data.size() / type->size != header.count) {
    return InvalidArgument("{}: {}: {} bytes after the header, expected {} numbers of {} bytes", file,
                           data.size() / type->size < header.count ? "truncated" : "too long", data.size(),
                           header.count, type->size);
  }
  NpyArray array;
  array.is_boolean = type->name == kBoolean;
  ASSIGN_OR_RETURN(array.values, type->convert(file, data));
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
