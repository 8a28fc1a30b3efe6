// it-signsgd beside the same equations in LibTorch's tensor operations, as one writes them in Python: eq. 3 and 4 over
// whole matrices, float32, 1 thread. One row a line (measure.h).
#include <torch/torch.h>

#include "tests/bench/decode_federation.h"
#include "tests/bench/measure.h"

namespace signvote {
namespace {

constexpr int64_t kVoters = 15, kParameters = kBlockCoordinates;

// Y, M x N, +1 and -1.
torch::Tensor Votes(const DecodeFederation& f) {
  torch::Tensor votes = torch::empty({kVoters, kParameters});
  for (int64_t m = 0; m < kVoters; ++m) {
    float* row = votes.data_ptr<float>() + m * kParameters;
    const std::vector<uint64_t>& signs = f.ballots[0][0][static_cast<size_t>(m)].signs;
    for (int64_t n = 0; n < kParameters; ++n) row[n] = (signs[n / 64] >> (n % 64) & 1) != 0 ? 1.0f : -1.0f;
  }
  return votes;
}

void Bench() {
  DecodeFederation f(kVoters, kParameters);
  f.Use({.rule = "it-signsgd", .carry = 0, .warmup_rounds = 1, .prior = 0});
  const torch::Tensor votes = Votes(f);
  torch::Tensor errors = torch::rand({kVoters, kParameters}) * 50;
  double rounds = 100;
  const auto reference = [&] {
    const torch::NoGradGuard no_grad;
    const torch::Tensor p = errors / rounds;
    const torch::Tensor weights = torch::log((1 - p) / p).clamp(-10, 10);
    const torch::Tensor decision = torch::sign((weights * votes).sum(0));
    errors += (votes != decision).to(torch::kFloat32);
    rounds += 1;
  };
  reference();
  const Turns turns = TakeTurns(
      7, [&] { f.Round(); }, reference);
  Print({"decode it-signsgd 16 bits, M=15, N=1M, 1 thread, of LibTorch tensor operations",
         f.Votes() / turns.measured * 1e-9, "Gvotes/s", f.Votes() / turns.reference * 1e-9, turns.quotient,
         AtLeast(50)});
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  using namespace signvote;
  if (argc > 1) wanted_rows = argv[1];
  at::set_num_threads(1);
  if (Wanted("LibTorch")) Bench();
  return 0;
}
