// The bytes of Rule::Save: little-endian numbers and arrays, one after the other. Each array is led by its length.
#pragma once

#include <absl/status/status.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/status.h"

namespace signvote {

static_assert(std::endian::native == std::endian::little, "state and planes are little-endian");

class StateWriter {
 public:
  explicit StateWriter(std::string* out) : out_(out) {}

  template <typename T>
  void Put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    out_->append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  template <typename Array>
  void PutArray(const Array& values) {
    Put<uint64_t>(values.size());
    if (values.size() > 0) {
      out_->append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values.data()[0]));
    }
  }

 private:
  std::string* out_;
};

// Reads what StateWriter wrote. After the first error every call fails, so one check at the end is enough.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : bytes_(bytes) {}

  template <typename T>
  bool Get(T* value) {
    static_assert(std::is_arithmetic_v<T>);
    return Take(value, sizeof(T));
  }
  template <typename Array>
  bool GetArray(Array* values) {
    using T = std::remove_reference_t<decltype(*values->data())>;
    uint64_t size = 0;
    if (!Get(&size) || size > (bytes_.size() - at_) / sizeof(T)) return ok_ = false;
    values->resize(size);
    return Take(values->data(), size * sizeof(T));
  }
  void Fail() { ok_ = false; }

  absl::Status Finish(std::string_view what) const {
    if (ok_ && at_ == bytes_.size()) return absl::OkStatus();
    return InvalidArgument(
        "the saved state of {} has {} bytes that do not fit its options and shape (stopped at byte "
        "{}); restore it with the configuration and model that wrote it",
        what, bytes_.size(), at_);
  }

 private:
  bool Take(void* out, size_t size) {
    if (!ok_ || size > bytes_.size() - at_) return ok_ = false;
    if (size > 0) std::memcpy(out, bytes_.data() + at_, size);
    at_ += size;
    return true;
  }

  std::string_view bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace signvote
