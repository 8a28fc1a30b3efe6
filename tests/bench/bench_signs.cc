// Packing signs and applying decisions, beside a copy that touches the same number of bytes. One row a line
// (measure.h).
//
// usage: bench_signs [substring of row names]
#include <cstring>

#include "client/model/sign_packing.h"
#include "common/blocks.h"
#include "common/random.h"
#include "common/step.h"
#include "tests/bench/measure.h"

namespace signvote {
namespace {

constexpr uint64_t kParameters = 10'000'000;

double Gigabytes(double bytes, double seconds) { return bytes / seconds * 1e-9; }

// Copies so much that `bytes` are read or written.
class Copy {
 public:
  explicit Copy(double bytes) : from_(static_cast<size_t>(bytes / 2), 1), to_(from_.size()) {}
  void operator()() { std::memcpy(to_.data(), from_.data(), from_.size()); }

 private:
  std::vector<char> from_, to_;
};

std::vector<float> Gradient() {
  std::vector<float> gradient(kParameters);
  for (uint64_t n = 0; n < kParameters; ++n) gradient[n] = static_cast<float>(static_cast<int32_t>(Mix(n))) * 0x1p-31f;
  return gradient;
}

void PackAll(const SignPacker& packer, SignVector* out) {
  const BlockRange range = BlockRange::All(kParameters);
  for (uint64_t block = 0; block < range.count; ++block) packer.Pack(range.Begin(block), range.Size(block), out);
}

void BenchPack(const std::vector<float>& gradient) {
  const std::string plain = "pack signs without dither, N=10M, of a copy",
                    with = "pack signs with dither, N=10M, of without";
  const TensorShape tensor{"x", {kParameters}};
  const SignPacker without = *SignPacker::Make({&tensor, 1}, gradient, {});
  const SignPacker dithered = *SignPacker::Make({&tensor, 1}, gradient, {2, 7});
  SignVector out;
  const double bytes = kParameters * (4 + 2.0 / 8);  // signs and zeros are written
  if (Wanted(plain)) {
    Copy copy(bytes);
    const Turns turns = TakeTurns(
        9, [&] { PackAll(without, &out); }, [&] { copy(); });
    Print({plain, Gigabytes(bytes, turns.measured), "GB/s", Gigabytes(bytes, turns.reference), turns.quotient,
           AtLeast(0.8)});
  }
  if (Wanted(with)) {
    const Turns turns = TakeTurns(
        9, [&] { PackAll(dithered, &out); }, [&] { PackAll(without, &out); });
    Print({with,
           kParameters / turns.measured * 1e-9,
           "Gsigns/s",
           kParameters / turns.reference * 1e-9,
           turns.quotient,
           {}});
  }
}

void BenchApply(std::vector<float>& parameters) {
  const std::string row = "apply decision, N=10M, of a copy";
  if (!Wanted(row)) return;
  std::vector<uint64_t> signs(WordsFor(kParameters));
  for (uint64_t w = 0; w < signs.size(); ++w) signs[w] = Mix(w);
  const double bytes = kParameters * (8 + 1.0 / 8);
  Copy copy(bytes);
  const Turns turns = TakeTurns(
      9,
      [&] {
        ApplyDecision(signs, {}, {1e-3f, 0.9999f}, parameters);
      },
      [&] { copy(); });
  Print(
      {row, Gigabytes(bytes, turns.measured), "GB/s", Gigabytes(bytes, turns.reference), turns.quotient, AtLeast(0.8)});
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  using namespace signvote;
  if (argc > 1) wanted_rows = argv[1];
  std::vector<float> values = Gradient();
  BenchPack(values);
  BenchApply(values);
  return 0;
}
