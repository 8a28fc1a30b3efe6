// Reads one journal segment, append by append, and tells a torn tail from damage.
//
// An append is durable before the next one is begun. So where something does not fit: if a record of a later append
// stands behind it, durable bytes were damaged; if none does, an append was cut short by a crash, and never happened.
// Not thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/signvote/v1/journal.pb.h"
#include "server/store/disk.h"
#include "server/store/journal_format.h"
#include "server/store/segment_writer.h"

namespace signvote {

class SegmentReader {
 public:
  // DATA_LOSS: header or first record is damaged, or it is another segment than its name says.
  static absl::StatusOr<std::unique_ptr<SegmentReader>> Open(Disk& disk, const std::string& path, uint64_t after_round);

  const v1::RunRecord& run() const { return run_; }

  // The bodies of the next whole append, serialised v1::JournalRecords that stay valid until the next call; nullopt at
  // the end, torn or not. DATA_LOSS: damage, with file and offset.
  absl::StatusOr<std::optional<std::span<const std::string_view>>> Next();

  // Where the last whole append ends, and where the one that Next returned begins.
  const SegmentWriter::Position& position() const { return position_; }
  uint64_t append_begins() const { return append_begins_; }

  // After the end: what stands behind the last whole append; empty when there is nothing.
  const std::string& torn() const { return torn_; }

 private:
  SegmentReader(std::unique_ptr<File> file, std::string path, uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}

  // The record at `offset`, or why there is none; I/O errors are a status.
  struct Record {
    journal::RecordHeader header;
    uint64_t body = 0;  // offset
    std::string problem;
  };
  absl::StatusOr<Record> ReadRecord(uint64_t offset);
  // Bytes [offset, offset + length) of the file in the buffer; those before keep_from_ may leave it.
  absl::StatusOr<std::string_view> Fetch(uint64_t offset, uint64_t length);
  // Decides what the problem at `offset` is: sets torn_, or DATA_LOSS.
  absl::Status Judge(uint64_t offset, const std::string& problem);

  const std::unique_ptr<File> file_;
  const std::string path_;
  const uint64_t size_;
  v1::RunRecord run_;
  SegmentWriter::Position position_;
  uint64_t append_begins_ = 0;
  std::string torn_;
  std::vector<std::string_view> bodies_;
  std::vector<char> buffer_;
  uint64_t buffer_begins_ = 0;  // offset of its first byte
  uint64_t buffer_bytes_ = 0;   // of it that are filled
  uint64_t keep_from_ = 0;
};

}  // namespace signvote
