// From a gradient to packed signs: the vote of eq. 2, with dither.
//
// Without dither (amount 0): bit 1 where g > 0; the zeros plane marks g == 0 (either zero).
//
// With dither d, coordinate n of the model (counted from 0) gets
//   u_n = 16-bit lane n % 4 (lowest first) of Mix(key + n / 4),       key = Key(seed, kDither, client_id, round)
//   v_n = 2 u_n - 65535                                               odd, -65535 to 65535
//   z_n = v_n * s, rounded to float32; s = float(d * mean|g| * r / 65536), mean over the coordinate's tensor
// where r = R / magnitude, the magnitude being mean|g| over the whole model, and R its running mean over this client's
// rounds (1 where either is 0). So a gradient that is small for this client, of a minibatch that it has learnt already,
// votes by coins that are nearly fair, and sums of votes over rounds estimate sums of gradients.
// The bit is 1 where g + z > 0 (the sum rounded to float32); where that is exactly 0, bit 1 where v > 0. So z is
// uniform in +-d * mean|g| * r up to 16 bits, a tensor whose gradient is all zero votes by fair coins, and there is no
// zeros plane.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/safetensors.h"
#include "common/sign_vector.h"

namespace signvote {

struct Dither {
  float amount = 0;  // d
  uint64_t key = 0;
  float magnitude = 0;  // R; 0: unknown
};

// s of every tensor, and the magnitude.
struct DitherScales {
  std::vector<float> of_tensor;
  float magnitude = 0;  // 0 without dither, which does not need it
};
// `sums`: of |g|, a tensor each. Without dither, or where all are 0, every s is 0.
DitherScales DitherScalesOf(std::span<const TensorShape> tensors, std::span<const double> sums, const Dither& dither);

// kFast uses the best SIMD target of this machine; both give the same bits.
enum class Packing { kFast, kReference };

// Packs one gradient, block by block, so that a block can travel while the next is packed.
class SignPacker {
 public:
  // Reads the whole gradient once. OUT_OF_RANGE: a value is not finite (names its tensor and place). Keeps the
  // spans: both must outlive the packer. `gradient` has the sum of the tensors' coordinates.
  static absl::StatusOr<SignPacker> Make(std::span<const TensorShape> tensors, std::span<const float> gradient,
                                         const Dither& dither, Packing packing = Packing::kFast);

  // Hands out what was packed elsewhere: all coordinates of the model.
  static SignPacker FromPacked(SignVector whole, float magnitude);

  // Of this gradient; 0 without dither, which does not need it.
  float magnitude() const { return magnitude_; }

  // The signs of coordinates [begin, begin + count); `begin` is a multiple of 64. Reuses the vectors of `out`.
  void Pack(uint64_t begin, uint64_t count, SignVector* out) const;

 private:
  struct Piece {
    uint64_t end = 0;  // coordinate after the tensor's last
    float scale = 0;   // s
  };

  SignPacker(std::span<const float> gradient, const Dither& dither, Packing packing)
      : gradient_(gradient), dither_(dither), packing_(packing) {}

  std::span<const float> gradient_;
  Dither dither_;
  Packing packing_;
  float magnitude_ = 0;
  std::vector<Piece> pieces_;         // in the order of the coordinates
  std::optional<SignVector> packed_;  // then the rest is not used
};

// A ballot block without a vote: every coordinate abstains.
SignVector Abstention(uint64_t coordinates);

// Keeps the words of these stripes alone, concatenated: what a voter of fraction 1/k sends.
SignVector TakeStripes(const SignVector& block, std::span<const uint32_t> stripes);

}  // namespace signvote
