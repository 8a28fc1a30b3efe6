// What every fuzz target shares: the entry point of libFuzzer, and choices drawn from its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace signvote {

// Stops the process where something that must always hold does not: the fuzzer keeps the input.
#define FUZZ_CHECK(condition, ...)                                                        \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      __VA_OPT__(std::fprintf(stderr, "  %s\n", std::string(__VA_ARGS__).c_str());)       \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

// Draws from the front; zeros once the bytes are used up.
class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : left_(reinterpret_cast<const char*>(data), size) {}

  bool IsEmpty() const { return left_.empty(); }
  uint8_t Byte() { return left_.empty() ? 0 : static_cast<uint8_t>(Take(1)[0]); }
  bool Bool() { return Byte() & 1; }
  uint32_t Below(uint32_t n) { return Byte() % n; }  // n <= 256
  template <typename T>
  T Number() {
    T value{};
    const std::string_view bytes = Take(sizeof(value));
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  // At most n bytes.
  std::string_view Take(size_t n) {
    const std::string_view taken = left_.substr(0, n);
    left_.remove_prefix(taken.size());
    return taken;
  }
  // A length in one byte, then so many bytes.
  std::string_view Text() { return Take(Byte()); }
  std::string_view Rest() { return Take(left_.size()); }

 private:
  std::string_view left_;
};

}  // namespace signvote
