// model.pt as it arrives in chunks, checked against what Welcome promised: pure.
#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

class ModelDownload {
 public:
  // Larger modules are refused.
  static constexpr uint64_t kLimit = uint64_t{8} << 30;

  // Starts over. INVALID_ARGUMENT: the size is 0 or above the limit.
  absl::Status Expect(const std::string& sha256, uint64_t size);

  // True when all bytes are there and their SHA-256 is the expected one. INVALID_ARGUMENT: chunks that do not follow
  // each other, too many bytes, or another hash.
  absl::StatusOr<bool> Add(const v1::ModelChunk& chunk);

  std::string TakeBytes() { return std::move(bytes_); }

 private:
  std::string sha256_;
  uint64_t size_ = 0;
  std::string bytes_;
};

}  // namespace signvote
