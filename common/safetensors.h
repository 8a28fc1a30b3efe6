// The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
// https://github.com/huggingface/safetensors. Model tensors are float32 and together fill the data without gaps: their
// order by offset is the order of the coordinates.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace signvote {

struct TensorShape {
  std::string name;
  std::vector<uint64_t> shape;

  uint64_t Coordinates() const;
  bool operator==(const TensorShape&) const = default;
};

uint64_t Coordinates(std::span<const TensorShape> tensors);  // of all together

struct Tensors {
  std::vector<TensorShape> tensors;  // in the order of their data
  std::vector<float> values;         // all of them, one after the other
  std::map<std::string, std::string> metadata;
};

// INVALID_ARGUMENT: header that is not JSON or lies about sizes (gaps, overlaps, shape and offsets that do not add up),
// a dtype other than F32, a name that appears twice, bytes missing or left over. Checks before it allocates.
absl::StatusOr<Tensors> ParseSafetensors(std::span<const char> bytes);

// NOT_FOUND, or as ParseSafetensors; messages name the file.
absl::StatusOr<Tensors> ReadSafetensors(const std::string& path);
// The same without the values, of which only the number is checked: reads the header alone.
absl::StatusOr<Tensors> ReadSafetensorsHeader(const std::string& path);

// The bytes before the values: length and header, padded with spaces to a multiple of 8.
std::string SafetensorsHeader(std::span<const TensorShape> tensors, const std::map<std::string, std::string>& metadata);

// Writes atomically (temporary name, fsync, rename, directory fsync).
absl::Status WriteSafetensors(const std::string& path, std::span<const TensorShape> tensors,
                              std::span<const float> values, const std::map<std::string, std::string>& metadata);

}  // namespace signvote
