#include "server/store/segment_reader.h"

#include <algorithm>
#include <cstring>

#include "common/status.h"

namespace signvote {
namespace {

constexpr uint64_t kReadBytes = uint64_t{4} << 20;

uint64_t RecordBytes(uint64_t offset, const journal::RecordHeader& header) {
  return journal::RecordBytes(offset, header.length, header.place);
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentReader>> SegmentReader::Open(Disk& disk, const std::string& path,
                                                                   uint64_t after_round) {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk.Open(path, Disk::Mode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  std::unique_ptr<SegmentReader> reader(new SegmentReader(std::move(file), path, size));

  // A segment gets its name when its header and first record are durable: whatever is wrong with them is damage.
  auto damaged = [&](std::string_view what) { return Error(absl::StatusCode::kDataLoss, "{} {}", path, what); };
  journal::SegmentHeader header;
  if (size < sizeof(header)) return damaged("is damaged at byte 0: its header is cut short");
  ASSIGN_OR_RETURN(const std::string_view bytes, reader->Fetch(0, sizeof(header)));
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != journal::kSegmentMagic)
    return damaged("is damaged at byte 0: it does not begin as a journal does");
  if (header.checksum != journal::ChecksumOf(header))
    return damaged("is damaged at byte 8: the header's checksum differs");
  if (header.after_round != after_round) {
    return damaged(
        fmt::format("holds what follows round {}: expected {}, as its name says", header.after_round, after_round));
  }
  reader->position_ = {after_round, header.salt, sizeof(header), 0};
  ASSIGN_OR_RETURN(const Record record, reader->ReadRecord(sizeof(header)));
  if (!record.problem.empty()) return damaged(fmt::format("is damaged at byte {}: {}", sizeof(header), record.problem));
  v1::JournalRecord first;
  ASSIGN_OR_RETURN(const std::string_view body, reader->Fetch(record.body, record.header.length));
  if (!first.ParseFromArray(body.data(), static_cast<int>(body.size())) || !first.has_run()) {
    return damaged("does not begin with a RunRecord");
  }
  reader->run_ = std::move(*first.mutable_run());
  reader->position_.append = record.header.append;
  reader->position_.end = sizeof(header) + RecordBytes(sizeof(header), record.header);
  return reader;
}

absl::StatusOr<std::optional<std::span<const std::string_view>>> SegmentReader::Next() {
  std::vector<std::pair<uint64_t, uint32_t>> bodies;  // offset, length: the buffer may move while it grows
  append_begins_ = keep_from_ = position_.end;
  uint64_t offset = append_begins_;
  for (bool is_whole = false; !is_whole;) {
    ASSIGN_OR_RETURN(Record record, ReadRecord(offset));
    const journal::RecordHeader& header = record.header;
    if (record.problem.empty() && header.append != position_.append + 1) {
      record.problem = fmt::format("the record belongs to append {}, expected {}", header.append, position_.append + 1);
    } else if (record.problem.empty() && (header.place & ~journal::kLast) != bodies.size()) {
      record.problem = fmt::format("the record is number {} of its append, expected {}", header.place & ~journal::kLast,
                                   bodies.size());
    }
    if (!record.problem.empty()) {
      RETURN_IF_ERROR(Judge(offset, record.problem));
      return std::nullopt;
    }
    bodies.emplace_back(record.body, header.length);
    is_whole = header.place & journal::kLast;
    offset += RecordBytes(offset, header);
  }
  position_.end = offset;
  ++position_.append;
  bodies_.clear();
  for (const auto& [at, length] : bodies) bodies_.emplace_back(buffer_.data() + (at - buffer_begins_), length);
  return std::span<const std::string_view>(bodies_);
}

absl::StatusOr<SegmentReader::Record> SegmentReader::ReadRecord(uint64_t offset) {
  Record record;
  if (size_ < offset + sizeof(record.header)) {
    record.problem = "the file ends within a record's header";
    return record;
  }
  ASSIGN_OR_RETURN(const std::string_view head, Fetch(offset, sizeof(record.header)));
  std::memcpy(&record.header, head.data(), sizeof(record.header));
  const uint64_t bytes = RecordBytes(offset, record.header);
  if (record.header.magic != journal::kRecordMagic) {
    record.problem = "no record begins here";
  } else if (record.header.length > journal::kMaxBodyBytes) {
    record.problem =
        fmt::format("a record of {} bytes, expected at most {}", record.header.length, journal::kMaxBodyBytes);
  } else if (size_ < offset + bytes) {
    record.problem = fmt::format("the file ends within a record of {} bytes", bytes);
  }
  if (!record.problem.empty()) return record;
  ASSIGN_OR_RETURN(const std::string_view whole, Fetch(offset, bytes));
  if (record.header.checksum != journal::ChecksumOf(whole, position_.salt, offset)) {
    record.problem = "the record's checksum differs";
  }
  record.body = offset + sizeof(record.header);
  return record;
}

absl::StatusOr<std::string_view> SegmentReader::Fetch(uint64_t offset, uint64_t length) {
  if (offset < buffer_begins_ || offset + length > buffer_begins_ + buffer_bytes_) {
    const uint64_t from = std::min(keep_from_, offset);
    const uint64_t end = buffer_begins_ + buffer_bytes_;
    const uint64_t kept = from >= buffer_begins_ && from < end ? end - from : 0;
    if (kept > 0) std::memmove(buffer_.data(), buffer_.data() + (from - buffer_begins_), kept);
    buffer_begins_ = from;
    const uint64_t wanted = std::min(size_ - from, std::max(offset + length - from, kept + kReadBytes));
    if (buffer_.size() < wanted) buffer_.resize(std::max<uint64_t>(wanted, 2 * buffer_.size()));
    ASSIGN_OR_RETURN(const size_t got, file_->Read(from + kept, {buffer_.data() + kept, wanted - kept}));
    buffer_bytes_ = kept + got;
    if (offset + length > from + buffer_bytes_) {
      return Error(absl::StatusCode::kUnavailable, "{} became shorter while it was read", path_);
    }
  }
  return std::string_view(buffer_.data() + (offset - buffer_begins_), length);
}

absl::Status SegmentReader::Judge(uint64_t offset, const std::string& problem) {
  if (position_.end == size_) return absl::OkStatus();
  // Records are aligned: look at every place where one could begin.
  for (uint64_t at = offset; at + sizeof(journal::RecordHeader) <= size_; at += journal::kAlignment) {
    keep_from_ = at;
    ASSIGN_OR_RETURN(const std::string_view head, Fetch(at, sizeof(journal::RecordHeader)));
    uint32_t magic = 0;
    std::memcpy(&magic, head.data() + offsetof(journal::RecordHeader, magic), sizeof(magic));
    if (magic != journal::kRecordMagic) continue;
    ASSIGN_OR_RETURN(const Record record, ReadRecord(at));
    if (!record.problem.empty() || record.header.append == position_.append + 1) continue;
    return Error(absl::StatusCode::kDataLoss,
                 "{} is damaged at byte {}: {}, and yet what was written after it stands at byte {}", path_, offset,
                 problem, at);
  }
  torn_ = fmt::format("{} bytes at byte {} of {} ({})", size_ - position_.end, position_.end, path_, problem);
  return absl::OkStatus();
}

}  // namespace signvote
