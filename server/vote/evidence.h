// Evidence: one integer a coordinate, the weighted votes carried from round to round.
//
//   E <- floor((E * r + 2^14) / 2^15) + sum of w * Y,  r = round(carry * 2^15), at most 2^15 - 1
//
// With sum |w| <= W' in every round, |E| <= (W' + 1/2) / (1 - r / 2^15) always: EvidenceScale chooses W so that this
// fits 16 bits where that leaves a mean weight of at least 24, else 32 bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/vote/rule.h"
#include "server/vote/state_io.h"

namespace signvote {

int32_t CarryFactor(double carry);  // r

// With carry, of a rule that keeps it wide always, or as the number of voters asks for; without, nothing.
std::vector<StateSize> EvidenceState(double carry, bool wide, const StateShape& shape);

constexpr int32_t Carried(int32_t evidence, int32_t r) {
  return static_cast<int32_t>((int64_t{evidence} * r + (1 << 14)) >> 15);
}

struct EvidenceScale {
  uint32_t capacity = 0;  // voters that it is made for: a power of two, at least 16
  int64_t total = 0;      // W: sum of |w| over the electorate, before rounding each to an integer
  bool narrow = true;     // 16 bits

  static EvidenceScale For(size_t voters, int32_t r);
};

// The evidence of a block. With r = 0 nothing is kept, and narrow() and wide() point to nothing.
class Evidence {
 public:
  Evidence(uint64_t coordinates, int32_t r);  // all 0, 16 bits

  int32_t r() const { return r_; }
  bool is_narrow() const { return is_narrow_; }
  int16_t* narrow(uint64_t coordinate) { return r_ == 0 ? nullptr : narrow_.data() + coordinate; }
  int32_t* wide(uint64_t coordinate) { return r_ == 0 ? nullptr : wide_.data() + coordinate; }

  // What is left of it in the next round, on coordinates [begin, end).
  std::vector<float> CarriedOn(uint64_t begin, uint64_t end) const;

  // E <- round(E * numerator / denominator), halves up; from now on in 16 or 32 bits.
  void Rescale(int64_t numerator, int64_t denominator, bool narrow);

  void Save(StateWriter* writer) const;
  void Restore(StateReader* reader);

 private:
  uint64_t size_;  // coordinates, padded to whole stripes
  int32_t r_;
  bool is_narrow_ = true;
  std::vector<int16_t> narrow_;  // one of the two is empty
  std::vector<int32_t> wide_;
};

}  // namespace signvote
