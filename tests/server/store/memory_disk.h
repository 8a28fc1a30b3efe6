// A disk in memory that keeps apart what is written and what is durable, and fails or loses power when told to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "server/store/disk.h"

namespace signvote {

class MemoryDisk final : public Disk {
 public:
  enum class Unsynced { kLost, kKept };

  MemoryDisk() { root_ = std::make_shared<Node>(Node{.is_directory = true}); }
  MemoryDisk(const MemoryDisk& other) : root_(Copy(*other.root_)) {}

  // What a machine finds on this disk after a loss of power.
  MemoryDisk AfterCrash(Unsynced unsynced) const;
  // The same, where each unsynced page, size and directory is found old or new by itself, as `keeps_new` says.
  MemoryDisk AfterCrash(const std::function<bool()>& keeps_new) const;

  // Called before each operation that changes anything ("write", "sync", "truncate", "create", "rename", "remove",
  // "mkdir", "syncdir"); an error is returned instead of doing it. A failed write leaves half of its bytes.
  std::function<absl::Status(const std::string& operation, const std::string& path)> before;

  // The bytes of a file, to look at or to damage (as if they were durable so); it must exist.
  std::string Bytes(const std::string& path) const;
  void SetBytes(const std::string& path, const std::string& bytes);
  bool Exists(const std::string& path) const { return Find(path) != nullptr; }

  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  absl::Status MakeDirectories(const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<Lock>> LockFile(const std::string& path) override;

 private:
  struct Node {
    bool is_directory = false;
    std::string bytes, durable_bytes;
    std::map<std::string, std::shared_ptr<Node>> entries, durable_entries;
  };
  class MemoryFile;
  class MemoryLock;

  static std::shared_ptr<Node> Copy(const Node& node);
  static std::shared_ptr<Node> Durable(const Node& node);
  static std::shared_ptr<Node> Mixed(const Node& node, const std::function<bool()>& keeps_new);
  std::shared_ptr<Node> Find(const std::string& path) const;
  // The directory that holds `path`, and its name there; null when there is no such directory.
  std::pair<std::shared_ptr<Node>, std::string> Parent(const std::string& path) const;
  absl::Status Ask(const std::string& operation, const std::string& path) {
    return before ? before(operation, path) : absl::OkStatus();
  }

  std::shared_ptr<Node> root_;
  std::set<std::string> locked_;
};

}  // namespace signvote
