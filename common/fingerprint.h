// 128-bit XXH3 of the little-endian float32 parameter bytes after a round: what every replica must agree on.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "proto/signvote/v1/federation.pb.h"

struct XXH3_state_s;

namespace signvote {

struct Fingerprint {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const Fingerprint&) const = default;
  std::string Hex() const;  // 32 digits, high first (XXH3's canonical form)
};

Fingerprint FingerprintOf(std::span<const float> parameters);

// The fingerprint of all parts one after the other, while they are being written by several threads in any order: a
// thread that has finished a part hashes what is next in turn, and the others go on writing.
class FingerprintOfParts {
 public:
  explicit FingerprintOfParts(std::vector<std::span<const float>> parts);

  void Finish(size_t part);  // it is written; each once. Thread-safe
  Fingerprint Digest();      // when all are finished

 private:
  const std::vector<std::span<const float>> parts_;
  const std::unique_ptr<XXH3_state_s, void (*)(XXH3_state_s*)> state_;  // of whoever is hashing
  Mutex mu_;
  std::vector<bool> finished_ ABSL_GUARDED_BY(mu_);
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  bool is_hashing_ ABSL_GUARDED_BY(mu_) = false;
};

Fingerprint FromProto(const v1::Fingerprint& proto);
v1::Fingerprint ToProto(const Fingerprint& fingerprint);

}  // namespace signvote
