// How much memory this process may have: the machine's, or less where its control group says so.
#pragma once

#include <cstdint>
#include <string>

namespace signvote {

struct MachineMemory {
  uint64_t bytes = 0;
  std::string source;  // the file that says so
};

// Reads /proc and /sys below `root`, which is empty but in tests. What cannot be read does not limit.
MachineMemory ReadMachineMemory(const std::string& root = "");

}  // namespace signvote
