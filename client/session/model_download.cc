#include "client/session/model_download.h"

#include "common/files.h"
#include "common/status.h"

namespace signvote {

absl::Status ModelDownload::Expect(const std::string& sha256, uint64_t size) {
  if (size == 0 || size > kLimit) {
    return InvalidArgument("the server's model.pt has {} bytes, expected 1 to {}", size, kLimit);
  }
  sha256_ = sha256;
  size_ = size;
  bytes_.clear();
  return absl::OkStatus();
}

absl::StatusOr<bool> ModelDownload::Add(const v1::ModelChunk& chunk) {
  if (chunk.offset() != bytes_.size() || chunk.data().size() > size_ - bytes_.size()) {
    return InvalidArgument("{} bytes of model.pt at offset {}, expected at most {} at offset {}", chunk.data().size(),
                           chunk.offset(), size_ - bytes_.size(), bytes_.size());
  }
  bytes_ += chunk.data();
  if (bytes_.size() < size_) return false;
  if (Sha256(bytes_) != sha256_) {
    return InvalidArgument("model.pt arrived with SHA-256 {}, expected {}", Hex(Sha256(bytes_)), Hex(sha256_));
  }
  return true;
}

}  // namespace signvote
