#include "common/safetensors.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string_view>

#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

using Json = nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "tensors are copied as they lie in the file");

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation
constexpr int kMaxHeaderDepth = 3;                 // header, tensor, shape
constexpr const char* kMetadata = "__metadata__";

struct Entry {
  TensorShape tensor;
  uint64_t begin = 0;  // bytes from the start of the data
  uint64_t end = 0;
};

// The header as JSON; a name that appears twice in one object is an error, for JSON itself would let the last one win.
absl::StatusOr<Json> ParseHeader(std::string_view text) {
  std::vector<std::set<std::string>> names;
  auto check = [&names](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth >= kMaxHeaderDepth &&
        (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start))
      throw std::runtime_error("it is nested too deeply");
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(parsed.get<std::string>()).second)
      throw std::runtime_error(fmt::format("the name \"{}\" appears twice", parsed.get<std::string>()));
    return true;
  };
  try {
    Json header = Json::parse(text, check);
    if (!header.is_object()) return InvalidArgument("the header is not a JSON object");
    return header;
  } catch (const std::exception& error) {
    return InvalidArgument("the header cannot be read: {}", error.what());
  }
}

absl::StatusOr<std::map<std::string, std::string>> ParseMetadata(const Json& json) {
  if (!json.is_object()) return InvalidArgument("{} is not an object of strings", kMetadata);
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) return InvalidArgument("{}.{} is not a string", kMetadata, key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

absl::StatusOr<std::vector<uint64_t>> ParseUnsigned(const Json& tensor, const char* key) {
  const auto found = tensor.find(key);
  if (found == tensor.end() || !found->is_array()) return InvalidArgument("{} is missing or not a list", key);
  std::vector<uint64_t> numbers;
  for (const Json& number : *found) {
    if (!number.is_number_unsigned()) return InvalidArgument("{} holds something else than whole numbers >= 0", key);
    numbers.push_back(number.get<uint64_t>());
  }
  return numbers;
}

absl::StatusOr<Entry> ParseEntry(const std::string& name, const Json& json) {
  if (!json.is_object()) return InvalidArgument("it is described by something else than an object");
  const auto dtype = json.find("dtype");
  if (dtype == json.end() || !dtype->is_string()) return InvalidArgument("dtype is missing or not a string");
  if (*dtype != "F32") return InvalidArgument("dtype is {}: expected F32", dtype->get<std::string>());
  Entry entry;
  entry.tensor.name = name;
  ASSIGN_OR_RETURN(entry.tensor.shape, ParseUnsigned(json, "shape"));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> offsets, ParseUnsigned(json, "data_offsets"));
  if (offsets.size() != 2 || offsets[0] > offsets[1])
    return InvalidArgument("data_offsets is not a begin and an end that follows it");
  entry.begin = offsets[0];
  entry.end = offsets[1];
  uint64_t bytes = sizeof(float);
  for (uint64_t extent : entry.tensor.shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return InvalidArgument("its shape has more than 2^64 bytes");
  }
  if (bytes != entry.end - entry.begin)
    return InvalidArgument("its shape takes {} bytes, its data_offsets span {}", bytes, entry.end - entry.begin);
  return entry;
}

// Sorts by offset and checks that the entries fill [0, data_bytes) without gaps or overlaps.
absl::Status ArrangeEntries(uint64_t data_bytes, std::vector<Entry>* entries) {
  std::stable_sort(entries->begin(), entries->end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t end = 0;
  for (const Entry& entry : *entries) {
    if (entry.begin != end) {
      return InvalidArgument("tensor {} begins at byte {} of the data: expected {}, where the one before ends",
                             entry.tensor.name, entry.begin, end);
    }
    end = entry.end;
  }
  if (end != data_bytes) return InvalidArgument("the tensors take {} bytes, the data has {}", end, data_bytes);
  return absl::OkStatus();
}

// The length of the header, which the first bytes of a file say.
absl::StatusOr<uint64_t> HeaderBytes(std::span<const char> start, uint64_t file_bytes) {
  uint64_t header_bytes = 0;
  if (start.size() < kLengthBytes) return InvalidArgument("{} bytes are too few for a safetensors file", file_bytes);
  std::memcpy(&header_bytes, start.data(), kLengthBytes);
  if (header_bytes > std::min<uint64_t>(file_bytes - kLengthBytes, kMaxHeaderBytes)) {
    return InvalidArgument("a header of {} bytes is announced in a file of {} bytes (at most {} are accepted)",
                           header_bytes, file_bytes, kMaxHeaderBytes);
  }
  return header_bytes;
}

// All but the values.
absl::StatusOr<Tensors> ParseTensors(std::string_view header_text, uint64_t data_bytes) {
  ASSIGN_OR_RETURN(const Json header, ParseHeader(header_text));
  Tensors result;
  std::vector<Entry> entries;
  for (const auto& [name, json] : header.items()) {
    if (name == kMetadata) {
      ASSIGN_OR_RETURN(result.metadata, ParseMetadata(json));
      continue;
    }
    absl::StatusOr<Entry> entry = ParseEntry(name, json);
    if (!entry.ok()) return Annotate(entry.status(), fmt::format("tensor {}", name));
    entries.push_back(*std::move(entry));
  }
  RETURN_IF_ERROR(ArrangeEntries(data_bytes, &entries));
  for (Entry& entry : entries) result.tensors.push_back(std::move(entry.tensor));
  return result;
}

}  // namespace

uint64_t TensorShape::Coordinates() const {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
}

uint64_t Coordinates(std::span<const TensorShape> tensors) {
  uint64_t sum = 0;
  for (const TensorShape& tensor : tensors) sum += tensor.Coordinates();
  return sum;
}

absl::StatusOr<Tensors> ParseSafetensors(std::span<const char> bytes) {
  ASSIGN_OR_RETURN(const uint64_t header_bytes, HeaderBytes(bytes, bytes.size()));
  const std::span<const char> data = bytes.subspan(kLengthBytes + header_bytes);
  ASSIGN_OR_RETURN(Tensors result, ParseTensors({bytes.data() + kLengthBytes, header_bytes}, data.size()));
  result.values.resize(data.size() / sizeof(float));
  if (!data.empty()) std::memcpy(result.values.data(), data.data(), data.size());
  return result;
}

absl::StatusOr<Tensors> ReadSafetensors(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<Tensors> tensors = ParseSafetensors(bytes);
  if (!tensors.ok()) return Annotate(tensors.status(), path);
  return tensors;
}

absl::StatusOr<Tensors> ReadSafetensorsHeader(const std::string& path) {
  std::error_code error;
  const uint64_t file_bytes = std::filesystem::file_size(path, error);
  if (error) return ErrnoStatus(error.value(), "read", path);
  std::ifstream file(path, std::ios::binary);
  std::string text(kLengthBytes, 0);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  const absl::StatusOr<uint64_t> header_bytes = HeaderBytes(text, file_bytes);
  if (!header_bytes.ok()) return Annotate(header_bytes.status(), path);
  text.resize(*header_bytes);
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size()))) return ErrnoStatus(EIO, "read", path);
  absl::StatusOr<Tensors> tensors = ParseTensors(text, file_bytes - kLengthBytes - *header_bytes);
  if (!tensors.ok()) return Annotate(tensors.status(), path);
  return tensors;
}

std::string SafetensorsHeader(std::span<const TensorShape> tensors,
                              const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  uint64_t offset = 0;
  for (const TensorShape& tensor : tensors) {
    const uint64_t end = offset + tensor.Coordinates() * sizeof(float);
    header[tensor.name] = Json{{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), kLengthBytes) + text;
}

absl::Status WriteSafetensors(const std::string& path, std::span<const TensorShape> tensors,
                              std::span<const float> values, const std::map<std::string, std::string>& metadata) {
  if (Coordinates(tensors) != values.size()) {
    return InvalidArgument("{}: the shapes hold {} values, {} are to be written", path, Coordinates(tensors),
                           values.size());
  }
  const std::string header = SafetensorsHeader(tensors, metadata);
  const std::string_view parts[] = {header, {reinterpret_cast<const char*>(values.data()), values.size_bytes()}};
  return WriteFileAtomically(path, parts);
}

}  // namespace signvote
