#include "tests/server/store/memory_disk.h"

#include <algorithm>
#include <cstring>

#include "common/status.h"

namespace signvote {
namespace {

std::vector<std::string> Split(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin && path.substr(begin, end - begin) != ".") parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

absl::Status Missing(const std::string& path) { return Error(absl::StatusCode::kNotFound, "{} does not exist", path); }

}  // namespace

class MemoryDisk::MemoryFile final : public File {
 public:
  MemoryFile(MemoryDisk* disk, std::string path, std::shared_ptr<Node> node, Mode mode)
      : disk_(disk), path_(std::move(path)), node_(std::move(node)), mode_(mode) {}

  absl::StatusOr<size_t> Read(uint64_t offset, std::span<char> into) override {
    if (offset >= node_->bytes.size()) return 0;
    const size_t size = std::min<size_t>(into.size(), node_->bytes.size() - offset);
    if (size > 0) std::memcpy(into.data(), node_->bytes.data() + offset, size);
    return size;
  }
  absl::Status Write(uint64_t offset, std::string_view bytes) override {
    const uint64_t together = offset | bytes.size() | reinterpret_cast<uintptr_t>(bytes.data());
    if (mode_ == Mode::kRead || (mode_ == Mode::kJournal && together % kPageBytes != 0)) {
      return InvalidArgument("{}: a write of {} bytes at {}: expected whole pages", path_, bytes.size(), offset);
    }
    const absl::Status status = disk_->Ask("write", path_);
    if (!status.ok()) bytes = bytes.substr(0, bytes.size() / 2);
    if (node_->bytes.size() < offset + bytes.size()) node_->bytes.resize(offset + bytes.size());
    node_->bytes.replace(offset, bytes.size(), bytes);
    return status;
  }
  absl::Status Truncate(uint64_t size) override {
    RETURN_IF_ERROR(disk_->Ask("truncate", path_));
    node_->bytes.resize(size);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    RETURN_IF_ERROR(disk_->Ask("sync", path_));
    node_->durable_bytes = node_->bytes;
    return absl::OkStatus();
  }
  absl::StatusOr<uint64_t> Size() override { return node_->bytes.size(); }

 private:
  MemoryDisk* const disk_;
  const std::string path_;
  const std::shared_ptr<Node> node_;
  const Mode mode_;
};

class MemoryDisk::MemoryLock final : public Lock {
 public:
  MemoryLock(MemoryDisk* disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  ~MemoryLock() override { disk_->locked_.erase(path_); }

 private:
  MemoryDisk* const disk_;
  const std::string path_;
};

std::shared_ptr<MemoryDisk::Node> MemoryDisk::Copy(const Node& node) {
  auto copy = std::make_shared<Node>(node);
  std::map<const Node*, std::shared_ptr<Node>> copies;  // one node may be in both maps
  for (auto* entries : {&copy->entries, &copy->durable_entries}) {
    for (auto& [name, child] : *entries) {
      auto& child_copy = copies[child.get()];
      if (!child_copy) child_copy = Copy(*child);
      child = child_copy;
    }
  }
  return copy;
}

std::shared_ptr<MemoryDisk::Node> MemoryDisk::Durable(const Node& node) {
  auto copy = std::make_shared<Node>(Node{.is_directory = node.is_directory});
  copy->bytes = copy->durable_bytes = node.durable_bytes;
  for (const auto& [name, child] : node.durable_entries) copy->entries[name] = Durable(*child);
  copy->durable_entries = copy->entries;
  return copy;
}

MemoryDisk MemoryDisk::AfterCrash(Unsynced unsynced) const {
  MemoryDisk disk;
  disk.root_ = unsynced == Unsynced::kLost ? Durable(*root_) : Copy(*root_);
  return disk;
}

std::shared_ptr<MemoryDisk::Node> MemoryDisk::Mixed(const Node& node, const std::function<bool()>& keeps_new) {
  auto mixed = std::make_shared<Node>(Node{.is_directory = node.is_directory});
  mixed->bytes = node.durable_bytes;
  if (node.bytes.size() != node.durable_bytes.size() && keeps_new()) mixed->bytes.resize(node.bytes.size());
  for (size_t begin = 0; begin < mixed->bytes.size() && begin < node.bytes.size(); begin += kPageBytes) {
    const std::string page = node.bytes.substr(begin, std::min<size_t>(kPageBytes, mixed->bytes.size() - begin));
    if (mixed->bytes.compare(begin, page.size(), page) != 0 && keeps_new())
      mixed->bytes.replace(begin, page.size(), page);
  }
  mixed->durable_bytes = mixed->bytes;
  const bool is_same = node.entries == node.durable_entries;
  for (const auto& [name, child] : is_same || keeps_new() ? node.entries : node.durable_entries) {
    mixed->entries[name] = Mixed(*child, keeps_new);
  }
  mixed->durable_entries = mixed->entries;
  return mixed;
}

MemoryDisk MemoryDisk::AfterCrash(const std::function<bool()>& keeps_new) const {
  MemoryDisk disk;
  disk.root_ = Mixed(*root_, keeps_new);
  return disk;
}

std::shared_ptr<MemoryDisk::Node> MemoryDisk::Find(const std::string& path) const {
  std::shared_ptr<Node> node = root_;
  for (const std::string& name : Split(path)) {
    const auto found = node->entries.find(name);
    if (found == node->entries.end()) return nullptr;
    node = found->second;
  }
  return node;
}

std::pair<std::shared_ptr<MemoryDisk::Node>, std::string> MemoryDisk::Parent(const std::string& path) const {
  const std::vector<std::string> parts = Split(path);
  std::string parent;
  for (size_t i = 0; i + 1 < parts.size(); ++i) parent += parts[i] + "/";
  return {Find(parent), parts.back()};
}

std::string MemoryDisk::Bytes(const std::string& path) const { return Find(path)->bytes; }

void MemoryDisk::SetBytes(const std::string& path, const std::string& bytes) {
  Find(path)->bytes = Find(path)->durable_bytes = bytes;
}

absl::StatusOr<std::unique_ptr<File>> MemoryDisk::Open(const std::string& path, Mode mode) {
  std::shared_ptr<Node> node = Find(path);
  if (mode == Mode::kCreate) {
    RETURN_IF_ERROR(Ask("create", path));
    const auto [directory, name] = Parent(path);
    if (!directory) return Missing(path);
    if (!node) node = directory->entries[name] = std::make_shared<Node>();
    node->bytes.clear();
  }
  if (!node || node->is_directory) return Missing(path);
  return std::make_unique<MemoryFile>(this, path, node, mode);
}

absl::Status MemoryDisk::Rename(const std::string& from, const std::string& to) {
  RETURN_IF_ERROR(Ask("rename", from));
  const auto [old_directory, old_name] = Parent(from);
  const auto [new_directory, new_name] = Parent(to);
  if (!Find(from) || !new_directory) return Missing(from);
  if (Find(to) && Find(to)->is_directory) return Error(absl::StatusCode::kUnavailable, "{} exists", to);
  new_directory->entries[new_name] = old_directory->entries[old_name];
  old_directory->entries.erase(old_name);
  return absl::OkStatus();
}

absl::Status MemoryDisk::Remove(const std::string& path) {
  RETURN_IF_ERROR(Ask("remove", path));
  const auto node = Find(path);
  if (!node) return Missing(path);
  if (!node->entries.empty()) return Error(absl::StatusCode::kUnavailable, "{} is not empty", path);
  const auto [directory, name] = Parent(path);
  directory->entries.erase(name);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryDisk::List(const std::string& directory) {
  const auto node = Find(directory);
  if (!node || !node->is_directory) return Missing(directory);
  std::vector<std::string> names;
  for (const auto& [name, child] : node->entries) names.push_back(name);
  return names;
}

absl::Status MemoryDisk::MakeDirectories(const std::string& path) {
  RETURN_IF_ERROR(Ask("mkdir", path));
  std::shared_ptr<Node> node = root_;
  for (const std::string& name : Split(path)) {
    auto& child = node->entries[name];
    if (!child) child = std::make_shared<Node>(Node{.is_directory = true});
    node = child;
  }
  return absl::OkStatus();
}

absl::Status MemoryDisk::SyncDirectory(const std::string& path) {
  RETURN_IF_ERROR(Ask("syncdir", path));
  const auto node = Find(path);
  if (!node) return Missing(path);
  node->durable_entries = node->entries;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Disk::Lock>> MemoryDisk::LockFile(const std::string& path) {
  if (!locked_.insert(path).second) return Error(absl::StatusCode::kFailedPrecondition, "{} is locked", path);
  return std::make_unique<MemoryLock>(this, path);
}

}  // namespace signvote
