#include "client/model/device_packing.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "client/model/module_impl.h"

namespace signvote {
namespace {

// Coordinates in one go: bounds the memory of the draws, 8 bytes for 4 coordinates, several times over.
constexpr int64_t kPiece = int64_t{1} << 22;

// PyTorch's integers are signed and wrap around; its shifts keep the sign.
torch::Tensor ShiftRight(const torch::Tensor& x, int64_t bits) {
  return at::bitwise_right_shift(x, bits).bitwise_and((int64_t{1} << (64 - bits)) - 1);
}

// Mix of common/random.h.
torch::Tensor MixOf(torch::Tensor x) {
  x = x + static_cast<int64_t>(0x9E3779B97F4A7C15u);
  x = x.bitwise_xor(ShiftRight(x, 30)) * static_cast<int64_t>(0xBF58476D1CE4E5B9u);
  x = x.bitwise_xor(ShiftRight(x, 27)) * static_cast<int64_t>(0x94D049BB133111EBu);
  return x.bitwise_xor(ShiftRight(x, 31));
}

// v_n of coordinates [begin, end), as float32.
torch::Tensor Draws(int64_t begin, int64_t end, uint64_t key, torch::Device device) {
  const int64_t first = begin / 4, last = (end + 3) / 4;
  const torch::Tensor places = torch::arange(first, last, torch::TensorOptions(torch::kInt64).device(device));
  const torch::Tensor words = MixOf(places + static_cast<int64_t>(key));
  const torch::Tensor lanes = torch::arange(0, 64, 16, torch::TensorOptions(torch::kInt64).device(device));
  const torch::Tensor u = at::bitwise_right_shift(words.unsqueeze(1), lanes.unsqueeze(0)).bitwise_and(0xFFFF);
  return (u * 2 - 65535).to(torch::kFloat32).flatten().narrow(0, begin - first * 4, end - begin);
}

torch::Tensor DitheredSigns(const torch::Tensor& gradient, int64_t begin, uint64_t key, float scale) {
  const torch::Tensor v = Draws(begin, begin + gradient.numel(), key, gradient.device());
  const torch::Tensor sum = gradient + v * static_cast<double>(scale);
  return (sum > 0).logical_or((sum == 0).logical_and(v > 0));
}

// Eight booleans a byte, the first one lowest, on the device; then words.
std::vector<uint64_t> PackedWords(const torch::Tensor& bits, int64_t coordinates) {
  const torch::Tensor weights =
      at::bitwise_left_shift(torch::ones({8}, torch::kInt32), torch::arange(8, torch::kInt32)).to(torch::kUInt8);
  const torch::Tensor bytes =
      (bits.view({-1, 8}) * weights.to(bits.device())).sum(1, false, torch::kUInt8).to(torch::kCPU);
  std::vector<uint64_t> words(static_cast<size_t>((coordinates + 63) / 64));
  std::memcpy(words.data(), bytes.data_ptr<uint8_t>(), words.size() * sizeof(uint64_t));
  return words;
}

// Sum of |g| by tensor, and whether all are finite.
std::vector<double> SumsOfMagnitudes(const torch::Tensor& gradient, std::span<const TensorShape> tensors) {
  std::vector<torch::Tensor> sums;
  int64_t begin = 0;
  for (const TensorShape& tensor : tensors) {
    const auto count = static_cast<int64_t>(tensor.Coordinates());
    sums.push_back(gradient.narrow(0, begin, count).abs().sum(torch::kFloat64));
    begin += count;
  }
  const torch::Tensor all = torch::stack(sums).to(torch::kCPU);
  return {all.data_ptr<double>(), all.data_ptr<double>() + all.numel()};
}

absl::StatusOr<SignPacker> Pack(const torch::Tensor& gradient, std::span<const TensorShape> tensors,
                                const Dither& dither) {
  const std::vector<double> sums = SumsOfMagnitudes(gradient, tensors);
  if (!std::all_of(sums.begin(), sums.end(), [](double sum) { return std::isfinite(sum); })) {
    const torch::Tensor values = gradient.to(torch::kCPU);
    return SignPacker::Make(tensors, {values.data_ptr<float>(), static_cast<size_t>(values.numel())}, dither).status();
  }
  const int64_t count = gradient.numel();
  const torch::Tensor bits =
      torch::zeros({(count + 63) / 64 * 64}, torch::TensorOptions(torch::kUInt8).device(gradient.device()));
  const DitherScales scales = DitherScalesOf(tensors, sums, dither);
  if (dither.amount == 0) {
    bits.narrow(0, 0, count).copy_(gradient > 0);
    SignVector whole{PackedWords(bits, count), {}};
    bits.narrow(0, 0, count).copy_(gradient == 0);
    whole.zeros = PackedWords(bits, count);
    return SignPacker::FromPacked(std::move(whole), scales.magnitude);
  }
  int64_t begin = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t end = begin + static_cast<int64_t>(tensors[i].Coordinates());
    for (; begin < end; begin = std::min(end, begin + kPiece)) {
      const int64_t length = std::min(kPiece, end - begin);
      bits.narrow(0, begin, length)
          .copy_(DitheredSigns(gradient.narrow(0, begin, length), begin, dither.key, scales.of_tensor[i]));
    }
  }
  return SignPacker::FromPacked({PackedWords(bits, count), {}}, scales.magnitude);
}

}  // namespace

absl::StatusOr<SignPacker> PackOnDevice(Module& module, std::span<const TensorShape> tensors, const Dither& dither) {
  return CatchTorch("the signs cannot be packed", [&]() -> absl::StatusOr<SignPacker> {
    const torch::NoGradGuard no_grad;
    return Pack(module.impl().flat_gradient, tensors, dither);
  });
}

}  // namespace signvote
