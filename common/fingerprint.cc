#include "common/fingerprint.h"

#include <fmt/format.h>

#include <bit>
#include <utility>

#include "common/xxhash.h"

namespace signvote {

static_assert(std::endian::native == std::endian::little, "parameters are hashed and sent as they lie in memory");

std::string Fingerprint::Hex() const { return fmt::format("{:016x}{:016x}", high, low); }

Fingerprint FingerprintOf(std::span<const float> parameters) {
  const XXH128_hash_t hash = XXH3_128bits(parameters.data(), parameters.size_bytes());
  return {hash.high64, hash.low64};
}

FingerprintOfParts::FingerprintOfParts(std::vector<std::span<const float>> parts)
    : parts_(std::move(parts)),
      state_(XXH3_createState(), [](XXH3_state_s* state) { XXH3_freeState(state); }),
      finished_(parts_.size()) {
  XXH3_128bits_reset(state_.get());
}

void FingerprintOfParts::Finish(size_t part) {
  mu_.Lock();
  finished_[part] = true;
  if (!is_hashing_) {
    is_hashing_ = true;
    while (next_ < parts_.size() && finished_[next_]) {
      const std::span<const float> turn = parts_[next_];
      mu_.Unlock();
      XXH3_128bits_update(state_.get(), turn.data(), turn.size_bytes());
      mu_.Lock();
      ++next_;
    }
    is_hashing_ = false;
  }
  mu_.Unlock();
}

Fingerprint FingerprintOfParts::Digest() {
  const XXH128_hash_t hash = XXH3_128bits_digest(state_.get());
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
