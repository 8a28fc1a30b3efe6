#include "client/model/sign_packing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "client/model/sign_packing.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "common/blocks.h"
#include "common/random.h"
#include "common/status.h"

HWY_BEFORE_NAMESPACE();
namespace signvote {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One stream, asked for this many coordinates early: hardware prefetchers alone leave memory idle.
constexpr size_t kAhead = 1024;

// Lanes of a vector divide 64, so that a word is a whole number of vectors.
using Floats = hn::CappedTag<float, 64>;

template <typename Mask>
uint64_t MaskBits(Floats d, Mask mask) {
  alignas(8) uint8_t bytes[8] = {};
  hn::StoreMaskBits(d, mask, bytes);
  uint64_t bits = 0;
  std::memcpy(&bits, bytes, sizeof(bits));
  return bits;
}

// One tensor's words, with dither: gradient[0] is coordinate `first`, a multiple of 64.
void PackDithered(const float* gradient, uint64_t first, size_t words, uint64_t key, float scale, uint64_t* out) {
  const Floats d;
  const hn::Rebind<int32_t, Floats> d32;
  const hn::Rebind<uint16_t, Floats> d16;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  const auto s = hn::Set(d, scale);
  const auto middle = hn::Set(d32, 65535);
  for (size_t w = 0; w < words; ++w) {
    alignas(64) uint64_t draws[16];
    for (size_t i = 0; i < 16; ++i) draws[i] = Mix(key + (first / 4 + w * 16 + i));
    const auto* u = reinterpret_cast<const uint16_t*>(draws);
    uint64_t word = 0;
    for (size_t i = 0; i < 64; i += lanes) {
      const auto v32 = hn::Sub(hn::ShiftLeft<1>(hn::PromoteTo(d32, hn::Load(d16, u + i))), middle);
      const auto v = hn::ConvertTo(d, v32);
      const auto sum = hn::Add(hn::LoadU(d, gradient + w * 64 + i), hn::Mul(v, s));
      const auto coin = hn::And(hn::Eq(sum, zero), hn::Gt(v, zero));
      word |= MaskBits(d, hn::Or(hn::Gt(sum, zero), coin)) << i;
    }
    out[w] = word;
  }
}

void PackPlain(const float* gradient, size_t words, uint64_t* signs, uint64_t* zeros) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  for (size_t w = 0; w < words; ++w) {
    uint64_t sign = 0;
    uint64_t none = 0;
    for (size_t i = 0; i < 64; i += 16) __builtin_prefetch(gradient + w * 64 + i + kAhead);
    for (size_t i = 0; i < 64; i += lanes) {
      const auto g = hn::LoadU(d, gradient + w * 64 + i);
      sign |= MaskBits(d, hn::Gt(g, zero)) << i;
      none |= MaskBits(d, hn::Eq(g, zero)) << i;
    }
    signs[w] = sign;
    zeros[w] = none;
  }
}

// Of |values|, in a written-down order: eight interleaved sums in double, then added from the first to the last.
double SumOfMagnitudes(const float* values, size_t count) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(std::fabs(values[i + lane]));
  }
  for (size_t lane = 0; i + lane < count; ++lane) sums[lane] += static_cast<double>(std::fabs(values[i + lane]));
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace HWY_NAMESPACE
}  // namespace signvote
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace signvote {
namespace {

HWY_EXPORT(PackDithered);
HWY_EXPORT(PackPlain);
HWY_EXPORT(SumOfMagnitudes);

// The definition, coordinate by coordinate.
bool DitheredSign(float gradient, uint64_t coordinate, uint64_t key, float scale) {
  const auto u = static_cast<int32_t>(Mix(key + coordinate / 4) >> (16 * (coordinate % 4)) & 0xFFFF);
  const auto v = static_cast<float>(2 * u - 65535);
  const float z = v * scale;
  const float sum = gradient + z;
  return sum > 0 || (sum == 0 && v > 0);
}

absl::Status NotFinite(const TensorShape& tensor, std::span<const float> values) {
  const auto at = std::find_if(values.begin(), values.end(), [](float g) { return !std::isfinite(g); });
  return Error(absl::StatusCode::kOutOfRange,
               "the gradient of tensor {} is {} at coordinate {} of {}: training has diverged, or a sample is "
               "not finite",
               tensor.name, *at, at - values.begin(), values.size());
}

void CopyWords(const SignVector& whole, uint64_t first, uint64_t count, SignVector* out) {
  const auto cut = [&](const std::vector<uint64_t>& plane) {
    const auto begin = plane.begin() + static_cast<std::ptrdiff_t>(plane.empty() ? 0 : first);
    return std::vector<uint64_t>(begin, begin + static_cast<std::ptrdiff_t>(plane.empty() ? 0 : count));
  };
  out->signs = cut(whole.signs);
  out->zeros = cut(whole.zeros);
}

}  // namespace

DitherScales DitherScalesOf(std::span<const TensorShape> tensors, std::span<const double> sums, const Dither& dither) {
  DitherScales scales{std::vector<float>(tensors.size(), 0.0f)};
  double total = 0;
  uint64_t coordinates = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    total += sums[i];
    coordinates += tensors[i].Coordinates();
  }
  if (dither.amount == 0 || total == 0) return scales;
  scales.magnitude = static_cast<float>(total / static_cast<double>(coordinates));
  const double steady = dither.magnitude > 0 && scales.magnitude > 0
                            ? static_cast<double>(dither.magnitude) / static_cast<double>(scales.magnitude)
                            : 1;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t count = tensors[i].Coordinates();
    const double mean = count == 0 ? 0 : sums[i] / static_cast<double>(count);
    scales.of_tensor[i] = static_cast<float>(static_cast<double>(dither.amount) * mean * steady / 65536);
  }
  return scales;
}

absl::StatusOr<SignPacker> SignPacker::Make(std::span<const TensorShape> tensors, std::span<const float> gradient,
                                            const Dither& dither, Packing packing) {
  SignPacker packer(gradient, dither, packing);
  std::vector<double> sums;
  uint64_t begin = 0;
  for (const TensorShape& tensor : tensors) {
    const std::span<const float> values = gradient.subspan(begin, tensor.Coordinates());
    sums.push_back(HWY_DYNAMIC_DISPATCH(SumOfMagnitudes)(values.data(), values.size()));
    if (!std::isfinite(sums.back())) return NotFinite(tensor, values);
    begin += values.size();
    packer.pieces_.push_back({begin, 0});
  }
  const DitherScales scales = DitherScalesOf(tensors, sums, dither);
  for (size_t i = 0; i < tensors.size(); ++i) packer.pieces_[i].scale = scales.of_tensor[i];
  packer.magnitude_ = scales.magnitude;
  return packer;
}

SignPacker SignPacker::FromPacked(SignVector whole, float magnitude) {
  SignPacker packer({}, {}, Packing::kFast);
  packer.packed_ = std::move(whole);
  packer.magnitude_ = magnitude;
  return packer;
}

void SignPacker::Pack(uint64_t begin, uint64_t count, SignVector* out) const {
  if (packed_.has_value()) return CopyWords(*packed_, begin / 64, WordsFor(count), out);
  const bool dithered = dither_.amount > 0;
  const uint64_t end = begin + count;
  out->signs.assign(WordsFor(count), 0);
  out->zeros.assign(dithered ? 0 : WordsFor(count), 0);
  const auto after = [](uint64_t coordinate, const Piece& piece) { return coordinate < piece.end; };
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), begin, after);
  for (uint64_t n = begin; n < end;) {
    while (piece->end <= n) ++piece;
    const uint64_t word = (n - begin) / 64;
    const uint64_t whole = (std::min(dithered ? piece->end : end, end) - n) / 64;
    if (packing_ == Packing::kFast && n % 64 == 0 && whole > 0) {
      if (dithered) {
        HWY_DYNAMIC_DISPATCH(PackDithered)
        (&gradient_[n], n, whole, dither_.key, piece->scale, &out->signs[word]);
      } else {
        HWY_DYNAMIC_DISPATCH(PackPlain)(&gradient_[n], whole, &out->signs[word], &out->zeros[word]);
      }
      n += whole * 64;
      continue;
    }
    const uint64_t bit = uint64_t{1} << (n % 64);
    const float g = gradient_[n];
    if (dithered ? DitheredSign(g, n, dither_.key, piece->scale) : g > 0) out->signs[word] |= bit;
    if (!dithered && g == 0) out->zeros[word] |= bit;
    ++n;
  }
}

SignVector Abstention(uint64_t coordinates) {
  SignVector none{std::vector<uint64_t>(WordsFor(coordinates), 0),
                  std::vector<uint64_t>(WordsFor(coordinates), ~uint64_t{0})};
  if (coordinates % 64 != 0) none.zeros.back() = (uint64_t{1} << (coordinates % 64)) - 1;
  return none;
}

SignVector TakeStripes(const SignVector& block, std::span<const uint32_t> stripes) {
  const auto take = [&](const std::vector<uint64_t>& plane) {
    std::vector<uint64_t> taken;
    taken.reserve(stripes.size() * kWordsPerStripe);
    for (const uint32_t stripe : stripes) {
      const auto begin = plane.begin() + static_cast<std::ptrdiff_t>(std::min(plane.size(), stripe * kWordsPerStripe));
      const auto length = std::min<std::ptrdiff_t>(kWordsPerStripe, plane.end() - begin);
      taken.insert(taken.end(), begin, begin + length);
    }
    return taken;
  };
  return {take(block.signs), take(block.zeros)};
}

}  // namespace signvote
#endif  // HWY_ONCE
