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
  uint32_t place = 0;
};

absl::Status PutRecord(const v1::JournalRecord& record, const Place& place, PageBuffer* out) {
  const uint64_t length = record.ByteSizeLong();
  if (length > journal::kMaxBodyBytes) {
    return InvalidArgument("a journal record of {} bytes: expected at most {}", length, journal::kMaxBodyBytes);
  }
  const size_t begin = out->size();
  out->resize(begin + journal::RecordBytes(place.offset, length, place.place));
  char* at = out->data() + begin;
  char* body = at + sizeof(journal::RecordHeader);
  record.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(body));
  std::fill(body + length, out->data() + out->size(), '\0');
  journal::RecordHeader header{.length = static_cast<uint32_t>(length), .append = place.append, .place = place.place};
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
  RETURN_IF_ERROR(PutRecord(first, {header.salt, sizeof(header), append, journal::kLast}, &record));
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
  if (size > position_.end) RETURN_IF_ERROR(file->Truncate(position_.end));
  // Even where nothing is cut: what was read of it, or cut before, need not be durable.
  RETURN_IF_ERROR(file->Sync());
  file_ = std::move(file);
  records_ = 0;
  written_ = position_.end;
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status SegmentWriter::Settle() {
  if (file_ && records_ == 0) return absl::OkStatus();
  file_.reset();  // what is staged is given up, also when that fails now
  return Reopen();
}

absl::Status SegmentWriter::TakeBack(absl::Status why) {
  file_->Truncate(position_.end).IgnoreError();
  file_.reset();
  return why;
}

absl::Status SegmentWriter::Stage(const v1::JournalRecord& record) {
  if (!file_) RETURN_IF_ERROR(Reopen());
  absl::Status status = Put(record, false);
  return status.ok() ? status : TakeBack(status);
}

absl::Status SegmentWriter::Append(std::span<const v1::JournalRecord> records) {
  if (records.empty()) return absl::OkStatus();
  if (!file_) RETURN_IF_ERROR(Reopen());
  absl::Status status;
  for (size_t i = 0; i < records.size() && status.ok(); ++i) status = Put(records[i], i + 1 == records.size());
  if (status.ok()) status = Flush();  // ends on a page
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) return TakeBack(status);
  position_.end = written_;
  ++position_.append;
  records_ = 0;
  return absl::OkStatus();
}

absl::Status SegmentWriter::Put(const v1::JournalRecord& record, bool is_last) {
  const Place place{position_.salt, written_ + buffer_.size(), position_.append + 1,
                    records_ | (is_last ? journal::kLast : 0)};
  RETURN_IF_ERROR(PutRecord(record, place, &buffer_));
  ++records_;
  return buffer_.size() >= kWriteBytes ? Flush() : absl::OkStatus();
}

absl::Status SegmentWriter::Flush() {
  const size_t whole = buffer_.size() / kPageBytes * kPageBytes;
  RETURN_IF_ERROR(file_->Write(written_, {buffer_.data(), whole}));
  written_ += whole;
  std::copy(buffer_.begin() + static_cast<ptrdiff_t>(whole), buffer_.end(), buffer_.begin());
  buffer_.resize(buffer_.size() - whole);
  return absl::OkStatus();
}

}  // namespace signvote
