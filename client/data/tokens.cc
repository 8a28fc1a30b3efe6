// Text as tokens, to predict the next one: windows of data.length + 1 tokens, each beginning with the last token of the
// one before. What is left at the end is dropped. By the name of the file:
//   .npy   one dimension of integers
//   .bin   little-endian uint16
//   other  every byte is a token
#include <cstring>

#include "client/data/npy_file.h"
#include "client/data/source_keys.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

absl::StatusOr<std::vector<int32_t>> FromNpy(const std::string& file, const std::string& bytes) {
  ASSIGN_OR_RETURN(NpyArray array, ParseNpy(file, bytes));
  if (array.shape.size() != 1) {
    return InvalidArgument("{}: has shape {}, expected one dimension of tokens", file, ShapeText(array.shape));
  }
  if (const auto* small = std::get_if<std::vector<uint8_t>>(&array.values)) {
    return std::vector<int32_t>(small->begin(), small->end());
  }
  if (auto* tokens = std::get_if<std::vector<int32_t>>(&array.values)) return std::move(*tokens);
  return InvalidArgument("{}: holds real numbers, expected tokens: integers", file);
}

absl::StatusOr<std::vector<int32_t>> FromUint16(const std::string& file, const std::string& bytes) {
  if (bytes.size() % 2 != 0) {
    return InvalidArgument("{}: has {} bytes, expected tokens of 2 bytes each (.bin)", file, bytes.size());
  }
  std::vector<uint16_t> tokens(bytes.size() / 2);
  if (!tokens.empty()) std::memcpy(tokens.data(), bytes.data(), bytes.size());
  return std::vector<int32_t>(tokens.begin(), tokens.end());
}

std::vector<int32_t> FromBytes(const std::string& bytes) {
  std::vector<int32_t> tokens;
  tokens.reserve(bytes.size());
  for (const char byte : bytes) tokens.push_back(static_cast<unsigned char>(byte));
  return tokens;
}

absl::StatusOr<std::vector<int32_t>> ReadTokens(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
  if (file.ends_with(".npy")) return FromNpy(file, bytes);
  if (file.ends_with(".bin")) return FromUint16(file, bytes);
  return FromBytes(bytes);
}

absl::StatusOr<Dataset> Read(const std::string& file, uint32_t length) {
  ASSIGN_OR_RETURN(std::vector<int32_t> tokens, ReadTokens(file));
  if (tokens.size() < size_t{length} + 1) {
    return InvalidArgument("{}: has {} tokens, expected at least data.length + 1 ({})", file, tokens.size(),
                           length + 1);
  }
  Dataset dataset;
  dataset.source = file;
  dataset.next_token = true;
  dataset.inputs = {{uint64_t{length} + 1}, std::move(tokens), length};
  return dataset;
}

}  // namespace

DataSource formats::tokens(ConfigReader* config) {
  uint32_t length = 0;
  config->Read("data.length", &length, Between(1, 1 << 20));
  if (length == 0) config->Fail("data.length", "is missing: how many tokens the module takes at once");
  return WithTestSplit(config, [length](const std::string& path, Files) { return Read(path, length); });
}

}  // namespace signvote
