#include "common/fingerprint.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <bit>

namespace signvote {

static_assert(std::endian::native == std::endian::little, "parameters are hashed and sent as they lie in memory");

std::string Fingerprint::Hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Fingerprint FingerprintOf(std::span<const float> parameters) {
  const XXH128_hash_t hash = XXH3_128bits(parameters.data(), parameters.size_bytes());
  return {hash.high64, hash.low64};
}

Fingerprint FromProto(const v1::Fingerprint& proto) { return {proto.high(), proto.low()}; }

v1::Fingerprint ToProto(const Fingerprint& fingerprint) {
  v1::Fingerprint proto;
  proto.set_high(fingerprint.high);
  proto.set_low(fingerprint.low);
  return proto;
}

}  // namespace signvote
