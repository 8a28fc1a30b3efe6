// Runs a fuzz target without a fuzzer: on every file of a corpus, and on mutations of them from a printed seed.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/fuzz/fuzz_input.h"

namespace {

constexpr uint32_t kSeed = 1;
constexpr int kMutations = 20;  // of each file

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void Run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

std::string Mutated(std::string bytes, std::mt19937& random) {
  for (int i = 1 + static_cast<int>(random() % 4); i > 0 && !bytes.empty(); --i) {
    const size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
        break;
      case 1:
        bytes[at] = static_cast<char>(random());
        break;
      case 2:
        bytes.erase(at, 1 + random() % 8);
        break;
      default:
        bytes.insert(at, bytes.substr(random() % bytes.size(), 1 + random() % 8));
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
    return 2;
  }
  spdlog::set_level(spdlog::level::off);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::fprintf(stderr, "%s: no file to replay\n", argv[1]);
    return 1;
  }
  std::mt19937 random(kSeed);
  Run("");
  for (const auto& file : files) {
    std::printf("%s\n", file.c_str());
    std::fflush(stdout);
    const std::string bytes = ReadAll(file);
    Run(bytes);
    for (int i = 0; i < kMutations; ++i) Run(Mutated(bytes, random));
  }
  std::printf("%zu files, each with %d mutations of seed %u\n", files.size(), kMutations, kSeed);
}
