#include "server/service/machine_memory.h"

#include <charconv>
#include <limits>
#include <sstream>
#include <string_view>

#include "common/files.h"

namespace signvote {
namespace {

void Limit(MachineMemory* memory, uint64_t bytes, const std::string& source) {
  if (bytes < memory->bytes) *memory = {bytes, source};
}

// A file that holds one number of bytes; "max" and what is not there do not limit.
void LimitByFile(MachineMemory* memory, const std::string& root, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(root + path);
  if (!text.ok()) return;
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), bytes);
  if (error == std::errc()) Limit(memory, bytes, path);
}

// The group's own limit and those of all groups around it.
void LimitByGroups(MachineMemory* memory, const std::string& root, const std::string& mount, std::string group,
                   const char* file) {
  while (true) {
    if (!group.empty() && group.back() == '/') group.pop_back();
    LimitByFile(memory, root, mount + group + "/" + file);
    if (group.empty()) return;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

}  // namespace

MachineMemory ReadMachineMemory(const std::string& root) {
  MachineMemory memory{std::numeric_limits<uint64_t>::max(), "nothing"};
  if (const absl::StatusOr<std::string> text = ReadFile(root + "/proc/meminfo"); text.ok()) {
    std::istringstream words(*text);
    std::string name;
    uint64_t kilobytes = 0;
    if (words >> name >> kilobytes && name == "MemTotal:") Limit(&memory, kilobytes * 1024, "/proc/meminfo");
  }
  const absl::StatusOr<std::string> groups = ReadFile(root + "/proc/self/cgroup");
  if (!groups.ok()) return memory;
  std::istringstream lines(*groups);
  for (std::string line; std::getline(lines, line);) {  // number:controllers:/path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) LimitByGroups(&memory, root, "/sys/fs/cgroup", group, "memory.max");
    if (controllers == "memory") {
      LimitByGroups(&memory, root, "/sys/fs/cgroup/memory", group, "memory.limit_in_bytes");
    }
  }
  return memory;
}

}  // namespace signvote
