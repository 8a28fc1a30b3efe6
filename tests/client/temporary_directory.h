// A directory of one test that files are easily put into.
#pragma once

#include <fstream>
#include <string>

#include "tests/common/scratch.h"

namespace signvote {

class TemporaryDirectory : public Scratch {
 public:
  // Returns the file's path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::string file = *this / name;
    std::ofstream(file, std::ios::binary) << bytes;
    return file;
  }
};

}  // namespace signvote
