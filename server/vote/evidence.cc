#include "server/vote/evidence.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/blocks.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr int32_t kOne = 1 << 15;

// The largest W' whose evidence stays within `limit`.
int64_t Budget(int64_t limit, int32_t r) { return limit * (kOne - r) / kOne - 1; }

}  // namespace

int32_t CarryFactor(double carry) {
  return std::min<int32_t>(kOne - 1, static_cast<int32_t>(std::floor(carry * kOne + 0.5)));
}

std::vector<StateSize> EvidenceState(double carry, bool wide, const StateShape& shape) {
  const int32_t r = CarryFactor(carry);
  if (r == 0) return {};
  const uint64_t width = wide || !EvidenceScale::For(shape.voters, r).narrow ? 4 : 2;
  return {{"evidence", fmt::format("{}*N", width), width * shape.coordinates}};
}

EvidenceScale EvidenceScale::For(size_t voters, int32_t r) {
  const int64_t capacity = std::max<int64_t>(16, std::bit_ceil(voters));
  const int64_t rounding = capacity / 2;  // each weight moves by at most one half
  const int64_t narrow = Budget(32767, r) - rounding;
  if (narrow >= 24 * capacity) return {static_cast<uint32_t>(capacity), narrow, true};
  const int64_t wide = Budget(2147483647, r) - rounding;
  return {static_cast<uint32_t>(capacity), std::min(wide, 1024 * capacity), false};
}

Evidence::Evidence(uint64_t coordinates, int32_t r) : size_(StripesFor(coordinates) * kStripeCoordinates), r_(r) {
  if (r_ != 0) narrow_.assign(size_, 0);
}

std::vector<float> Evidence::CarriedOn(uint64_t begin, uint64_t end) const {
  std::vector<float> carried(end - begin, 0);
  for (uint64_t n = begin; r_ != 0 && n < end; ++n) {
    carried[n - begin] = static_cast<float>(Carried(is_narrow_ ? narrow_[n] : wide_[n], r_));
  }
  return carried;
}

void Evidence::Rescale(int64_t numerator, int64_t denominator, bool narrow) {
  if (r_ != 0) {
    std::vector<int16_t> to_narrow(narrow ? size_ : 0);
    std::vector<int32_t> to_wide(narrow ? 0 : size_);
    for (uint64_t n = 0; n < size_; ++n) {
      const int64_t twice = 2 * (is_narrow_ ? int64_t{narrow_[n]} : int64_t{wide_[n]}) * numerator + denominator;
      const int64_t quotient = twice / (2 * denominator);
      const int64_t scaled = twice % (2 * denominator) < 0 ? quotient - 1 : quotient;  // floor
      if (narrow) {
        to_narrow[n] = static_cast<int16_t>(scaled);
      } else {
        to_wide[n] = static_cast<int32_t>(scaled);
      }
    }
    narrow_ = std::move(to_narrow);
    wide_ = std::move(to_wide);
  }
  is_narrow_ = narrow;
}

void Evidence::Save(StateWriter* writer) const {
  writer->Put<uint8_t>(is_narrow_);
  writer->PutArray(narrow_);
  writer->PutArray(wide_);
}

void Evidence::Restore(StateReader* reader) {
  uint8_t is_narrow = 1;
  std::vector<int16_t> narrow;
  std::vector<int32_t> wide;
  if (!reader->Get(&is_narrow) || !reader->GetArray(&narrow) || !reader->GetArray(&wide)) return;
  const uint64_t kept = r_ == 0 ? 0 : size_;
  if (is_narrow > 1 || narrow.size() != (is_narrow ? kept : 0) || wide.size() != (is_narrow ? 0 : kept)) {
    reader->Fail();
    return;
  }
  is_narrow_ = is_narrow != 0;
  narrow_ = std::move(narrow);
  wide_ = std::move(wide);
}

}  // namespace signvote
