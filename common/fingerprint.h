// 128-bit XXH3 of the little-endian float32 parameter bytes after a round: what every replica must agree on.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

struct Fingerprint {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const Fingerprint&) const = default;
  std::string Hex() const;  // 32 digits, high first (XXH3's canonical form)
};

Fingerprint FingerprintOf(std::span<const float> parameters);

Fingerprint FromProto(const v1::Fingerprint& proto);
v1::Fingerprint ToProto(const Fingerprint& fingerprint);

}  // namespace signvote
