// Appends to one journal segment.
//
// Invariant: the file is durable up to position().end, and what lies behind it is what was staged for the next append,
// or the rest of one that failed, which goes before anything else is written. Not thread-safe.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "proto/signvote/v1/journal.pb.h"
#include "server/store/disk.h"

namespace signvote {

// Bytes that begin at a page, as Disk::Mode::kJournal wants them; those that a resize adds are left as they are.
template <typename T>
struct PageAllocator {
  using value_type = T;
  T* allocate(size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{kPageBytes})); }
  void deallocate(T* at, size_t) { ::operator delete (at, std::align_val_t{kPageBytes}); }
  template <typename U>
  void construct(U*) {}
  bool operator==(const PageAllocator&) const = default;
};
using PageBuffer = std::vector<char, PageAllocator<char>>;

class SegmentWriter {
 public:
  // Where an existing segment goes on.
  struct Position {
    uint64_t after_round = 0;  // of the segment
    uint64_t salt = 0;
    uint64_t end = 0;     // bytes
    uint32_t append = 0;  // the last whole one
  };

  // A new segment for what follows `after_round`, whole and durable, or not there. `run` is its first record.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(Disk* disk, const std::string& directory,
                                                               uint64_t after_round, uint32_t append,
                                                               const v1::RunRecord& run);
  // Cuts off whatever follows the position, durably.
  static absl::StatusOr<std::unique_ptr<SegmentWriter>> Continue(Disk* disk, const std::string& directory,
                                                                 const Position& position);

  // Writes the next append's first records ahead of it, without making them durable. An error takes back all that was
  // staged.
  absl::Status Stage(const v1::JournalRecord& record);
  // Durable when it returns, together with what was staged, or nothing of it is. After an error nothing is staged, and
  // the same records may be tried again.
  absl::Status Append(std::span<const v1::JournalRecord> records);

  // Removes, durably, what was staged, and what an append that failed may have left.
  absl::Status Settle();

  const Position& position() const { return position_; }

 private:
  SegmentWriter(Disk* disk, std::string path, const Position& position)
      : disk_(disk), path_(std::move(path)), position_(position) {}

  // The file cut to end(), durably.
  absl::Status Reopen();
  absl::Status Put(const v1::JournalRecord& record, bool is_last);
  // Writes the whole pages of the buffer.
  absl::Status Flush();
  // No half append stays visible, as far as this disk still obeys; Reopen makes sure of it before the next attempt.
  absl::Status TakeBack(absl::Status why);

  Disk* const disk_;
  const std::string path_;
  std::unique_ptr<File> file_;  // null after a failure: Reopen first
  Position position_;
  // The append under way.
  uint32_t records_ = 0;  // of it, in the file or the buffer
  uint64_t written_ = 0;  // where the file goes on
  PageBuffer buffer_;     // what goes there
};

}  // namespace signvote
