#include "server/store/segment_writer.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "common/status.h"
#include "server/store/journal_format.h"
#include "server/store/layout.h"

namespace signvote {
namespace {

constexpr size_t kWriteBytes = size_t{2} << 20;  // large enough for a disk, small enough to be still in cache then

struct Place {
  uint64_t salt = 0;
  uint64_t offset = 0;  // in the file
  uint32_t append = 0;
  uint32_t left = 0;
};

absl::Status PutRecord(const v1::JournalRecord& record, const Place& place, PageBuffer* out) {
  const uint64_t length = record.ByteSizeLong();
  if (length > journal::kMaxBodyBytes) {
    return InvalidArgument("a journal record of {} bytes: expected at most {}", length, journal::kMaxBodyBytes);
  }
  const size_t begin = out->size();
  out->resize(begin + journal::RecordBytes(place.offset, length, place.left));
  char* at = out->data() + begin;
  char* body = at + sizeof(journal::RecordHeader);
  record.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(body));
  std::fill(body + length, out->data() + out->size(), '\0');
  journal::RecordHeader header{.length = static_cast<uint32_t>(length), .append = place.append, .left = place.left};
  std::memcpy(at, &header, sizeof(header));
  header.checksum = journal::ChecksumOf({at, out->size() - begin}, place.salt, place.offset);
  std::memcpy(at, &header.checksum, sizeof(header.checksum));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(Disk* disk, const std::string& directory,
                                                                     uint64_t after_round, uint32_t append,
                                                                     const v1::RunRecord& run) {
  std::random_device device;
  journal::SegmentHeader header{.salt = (uint64_t{device()} << 32) | device(), .after_round = after_round};
  header.checksum = journal::ChecksumOf(header);
  v1::JournalRecord first;
  *first.mutable_run() = run;
  PageBuffer record;
  RETURN_IF_ERROR(PutRecord(first, {header.salt, sizeof(header), append, 0}, &record));
  const std::string_view parts[] = {{reinterpret_cast<const char*>(&header), sizeof(header)},
                                    {record.data(), record.size()}};

  const std::string path = SegmentPath(directory, after_round), temporary = path + kTemporary;
  RETURN_IF_ERROR(WriteWhole(*disk, temporary, parts));
  RETURN_IF_ERROR(disk->Rename(temporary, path));
  RETURN_IF_ERROR(disk->SyncDirectory(JournalDirectory(directory)));
  return Continue(disk, directory, {after_round, header.salt, sizeof(header) + record.size(), append});
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Continue(Disk* disk, const std::string& directory,
                                                                       const Position& position) {
  std::unique_ptr<SegmentWriter> writer(
      new SegmentWriter(disk, SegmentPath(directory, position.after_round), position));
  RETURN_IF_ERROR(writer->Reopen());
  return writer;
}

absl::Status SegmentWriter::Reopen() {
  ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk_->Open(path_, Disk::Mode::kJournal));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  if (size < position_.end) {
    return Error(absl::StatusCode::kDataLoss, "{} has {} bytes, {} of them were durable: someone else changed it",
                 path_, size, position_.end);
  }
  if (size > position_.end) {
    RETURN_IF_ERROR(file->Truncate(position_.end));
    RETURN_IF_ERROR(file->Sync());
  }
  file_ = std::move(file);
  return absl::OkStatus();
}

absl::Status SegmentWriter::Append(std::span<const v1::JournalRecord> records) {
  if (records.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Settle());
  uint64_t end = position_.end;
  absl::Status status = Write(records, &end);
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) {
    // No half round stays visible, as far as this disk still obeys; Reopen makes sure of it before the next attempt.
    file_->Truncate(position_.end).IgnoreError();
    file_.reset();
    return status;
  }
  position_.end = end;
  ++position_.append;
  return absl::OkStatus();
}

absl::Status SegmentWriter::Write(std::span<const v1::JournalRecord> records, uint64_t* end) {
  buffer_.clear();
  for (size_t i = 0; i < records.size(); ++i) {
    const Place place{position_.salt, *end + buffer_.size(), position_.append + 1,
                      static_cast<uint32_t>(records.size() - 1 - i)};
    RETURN_IF_ERROR(PutRecord(records[i], place, &buffer_));
    if (buffer_.size() >= kWriteBytes) RETURN_IF_ERROR(Flush(end));
  }
  return Flush(end);  // ends on a page
}

absl::Status SegmentWriter::Flush(uint64_t* end) {
  const size_t whole = buffer_.size() / kPageBytes * kPageBytes;
  RETURN_IF_ERROR(file_->Write(*end, {buffer_.data(), whole}));
  *end += whole;
  std::copy(buffer_.begin() + static_cast<ptrdiff_t>(whole), buffer_.end(), buffer_.begin());
  buffer_.resize(buffer_.size() - whole);
  return absl::OkStatus();
}

}  // namespace signvote
