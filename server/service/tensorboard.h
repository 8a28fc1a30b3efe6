// Scalars of the run as an event file that TensorBoard reads (`metrics.tensorboard`).
//
//   file   := record*                   the first one has file_version
//   record := length:u64 crc(length):u32 event crc(event):u32      little-endian; crc = masked CRC-32C
#pragma once

#include <absl/status/statusor.h>

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "common/mutex.h"
#include "proto/signvote/v1/federation.pb.h"
#include "proto/signvote/v1/tensorboard.pb.h"
#include "server/service/federation.h"

namespace signvote {

uint32_t Crc32c(std::string_view bytes);
// One event as a record of the file.
std::string TensorBoardRecord(const v1::TensorBoardEvent& event);

// Thread-safe. What cannot be written is logged once, and nothing more is written then.
class TensorBoard {
 public:
  // A new file in `directory`, which is made. UNAVAILABLE and others: it cannot be.
  static absl::StatusOr<std::unique_ptr<TensorBoard>> Open(const std::string& directory, absl::Time now);

  void Add(absl::Time now, const RoundRow& row);
  void Add(absl::Time now, const v1::Evaluation& evaluation);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  TensorBoard(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  void Write(const v1::TensorBoardEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string path_;
  Mutex mu_;
  std::unique_ptr<std::FILE, Close> file_ ABSL_GUARDED_BY(mu_);
  absl::Time last_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();  // row
};

}  // namespace signvote
