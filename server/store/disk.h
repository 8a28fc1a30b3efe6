// The file system as the store uses it, narrow enough that a test can make it fail, lose what was not synced, and crash
// at every call.
//
// Durability is POSIX's: bytes and size of a file after its Sync, names (created, renamed, removed) after SyncDirectory
// of the directory that holds them. After a failed Write any part of it may be in the file; after a failed Sync nothing
// written since the last good one can be trusted, nor does a later Sync that succeeds vouch for it: write it again.
//
// Errors: NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (disk full, quota), UNAVAILABLE (any other I/O error); they
// name the path. Thread-safety: different files may be used by different threads.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace signvote {

inline constexpr uint64_t kPageBytes = 4096;

class File {
 public:
  virtual ~File() = default;

  // How many bytes were read: fewer than asked for only at the end of the file.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, std::span<char> into) = 0;
  virtual absl::Status Write(uint64_t offset, std::string_view bytes) = 0;
  virtual absl::Status Truncate(uint64_t size) = 0;
  virtual absl::Status Sync() = 0;
  virtual absl::StatusOr<uint64_t> Size() = 0;
};

class Disk {
 public:
  enum class Mode {
    kRead,
    kJournal,  // exists; written in whole pages (memory, offset and length are multiples of kPageBytes), truncated too
    kCreate,   // readable and writable; made, or emptied where it exists
  };
  class Lock {
   public:
    virtual ~Lock() = default;
  };

  virtual ~Disk() = default;

  virtual absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) = 0;
  // Files or directories; an existing file at `to` is replaced, an existing directory is an error.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;  // a file or an empty directory
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;  // names, ascending
  virtual absl::Status MakeDirectories(const std::string& path) = 0;
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // Exclusive until it is destroyed or the process ends. FAILED_PRECONDITION: someone else holds it (says who).
  virtual absl::StatusOr<std::unique_ptr<Lock>> LockFile(const std::string& path) = 0;
};

// The operating system's. Has no state.
Disk& PosixDisk();

absl::StatusOr<std::string> ReadWhole(Disk& disk, const std::string& path);
// Writes and syncs a new file; its name is durable only after SyncDirectory.
absl::Status WriteWhole(Disk& disk, const std::string& path, std::span<const std::string_view> parts);

}  // namespace signvote
