#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/files.h"
#include "common/status.h"
#include "server/store/disk.h"

namespace signvote {
namespace {

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path, bool reads_ahead) : fd_(fd), path_(std::move(path)), reads_ahead_(reads_ahead) {}
  ~PosixFile() override { ::close(fd_); }

  absl::StatusOr<size_t> Read(uint64_t offset, std::span<char> into) override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t got = ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return ErrnoStatus(errno, "read", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    if (reads_ahead_) ReadAhead(offset + done);
    return done;
  }

  absl::Status Write(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && errno == EINVAL && DropDirect()) continue;  // of a disk with larger pages than ours
      if (written < 0) return ErrnoStatus(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return absl::OkStatus();
  }

  absl::Status Truncate(uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return ErrnoStatus(errno, "truncate", path_);
    return absl::OkStatus();
  }

  absl::Status Sync() override {
    if (::fdatasync(fd_) != 0) return ErrnoStatus(errno, "sync", path_);
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() override {
    struct stat info {};
    if (::fstat(fd_, &info) != 0) return ErrnoStatus(errno, "read", path_);
    return static_cast<uint64_t>(info.st_size);
  }

 private:
  // The kernel fetches what comes next while this is being used; it takes no more than a little at a time.
  void ReadAhead(uint64_t offset) {
    constexpr uint64_t kWindow = uint64_t{32} << 20, kPiece = uint64_t{512} << 10;
    for (ahead_ = std::max(ahead_, offset); ahead_ < offset + kWindow; ahead_ += kPiece) {
      ::posix_fadvise(fd_, static_cast<off_t>(ahead_), kPiece, POSIX_FADV_WILLNEED);
    }
  }
  bool DropDirect() {
    const int flags = ::fcntl(fd_, F_GETFL);
    return (flags & O_DIRECT) != 0 && ::fcntl(fd_, F_SETFL, flags & ~O_DIRECT) == 0;
  }

  const int fd_;
  const std::string path_;
  const bool reads_ahead_;
  uint64_t ahead_ = 0;  // offset up to which it was asked for
};

class PosixLock final : public Disk::Lock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  ~PosixLock() override { ::close(fd_); }

 private:
  const int fd_;
};

class Posix final : public Disk {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override {
    const int flags = mode == Mode::kRead      ? O_RDONLY
                      : mode == Mode::kJournal ? O_RDWR | O_DIRECT
                                               : O_RDWR | O_CREAT | O_TRUNC;
    int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
    // Around the page cache a journal is durable several times sooner; tmpfs and others know no such way.
    if (fd < 0 && errno == EINVAL) fd = ::open(path.c_str(), (flags & ~O_DIRECT) | O_CLOEXEC, 0666);
    if (fd < 0) return ErrnoStatus(errno, "open", path);
    return std::make_unique<PosixFile>(fd, path, mode == Mode::kRead);
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(errno, "rename to " + to, from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return ErrnoStatus(errno, "remove", path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    std::error_code error;
    std::filesystem::directory_iterator entries(directory, error);
    std::vector<std::string> names;
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
      names.push_back(entries->path().filename().string());
    }
    if (error) return ErrnoStatus(error.value(), "list", directory);
    std::sort(names.begin(), names.end());
    return names;
  }

  absl::Status MakeDirectories(const std::string& path) override { return signvote::MakeDirectories(path); }
  absl::Status SyncDirectory(const std::string& path) override { return signvote::SyncDirectory(path); }

  absl::StatusOr<std::unique_ptr<Lock>> LockFile(const std::string& path) override {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return ErrnoStatus(errno, "open", path);
    auto lock = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return ErrnoStatus(errno, "lock", path);
      char pid[32] = {};
      const ssize_t size = ::pread(fd, pid, sizeof(pid) - 1, 0);
      return Error(absl::StatusCode::kFailedPrecondition,
                   "{} is locked: process {} uses this directory; stop it first, or give this one another directory",
                   path, size > 0 ? pid : "(unknown)");
    }
    // For the message above only: the lock is the kernel's, whatever stands in the file.
    const std::string pid = std::to_string(::getpid());
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0)
      return ErrnoStatus(errno, "write", path);
    return lock;
  }
};

}  // namespace

Disk& PosixDisk() {
  static Posix disk;
  return disk;
}

absl::StatusOr<std::string> ReadWhole(Disk& disk, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, Disk::Mode::kRead));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  std::string bytes(size, '\0');
  ASSIGN_OR_RETURN(const size_t got, file->Read(0, bytes));
  bytes.resize(got);
  return bytes;
}

absl::Status WriteWhole(Disk& disk, const std::string& path, std::span<const std::string_view> parts) {
  ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, Disk::Mode::kCreate));
  uint64_t offset = 0;
  for (std::string_view part : parts) {
    RETURN_IF_ERROR(file->Write(offset, part));
    offset += part.size();
  }
  return file->Sync();
}

}  // namespace signvote
