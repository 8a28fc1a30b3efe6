// What a client's round costs: gradient, packing, evaluation, on drawn digits.
#include <benchmark/benchmark.h>

#include <numeric>

#include "client/model/builtin.h"
#include "client/model/gradient.h"
#include "client/model/sign_packing.h"
#include "client/model/threads.h"
#include "common/fingerprint.h"
#include "common/random.h"
#include "common/step.h"
#include "tests/client/data_source.h"

namespace signvote {
namespace {

const ModelBundle& MnistCnn() {
  static const ModelBundle bundle = *MakeBuiltin("mnist_cnn", 0);
  return bundle;
}

void Gradient(benchmark::State& state) {
  StartTorch(static_cast<uint32_t>(state.range(1)));
  static const Dataset dataset = *LoadData("{format: digits}");
  std::vector<float> parameters = MnistCnn().parameters.values;
  auto module = *Module::Load(MnistCnn().module, MnistCnn().parameters.tensors, parameters, {"cpu", 256, ""});
  std::vector<float> gradient(parameters.size());
  std::vector<uint32_t> all(dataset.size());
  std::iota(all.begin(), all.end(), 0);
  Batch batch;
  uint64_t round = 0;
  for (auto _ : state) {
    MakeBatch(dataset, Minibatch({0, 0, ++round}, all, static_cast<uint32_t>(state.range(0))), &batch);
    benchmark::DoNotOptimize(MeanGradient(*module, batch, 0, gradient));
  }
}
BENCHMARK(Gradient)
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{4, 64, 904}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void EvaluateTestSet(benchmark::State& state) {
  StartTorch(static_cast<uint32_t>(state.range(0)));
  const Dataset dataset = *LoadData("{format: digits}");  // 10,000 images
  std::vector<float> parameters = MnistCnn().parameters.values;
  auto module = *Module::Load(MnistCnn().module, MnistCnn().parameters.tensors, parameters, {"cpu", 256, ""});
  for (auto _ : state) benchmark::DoNotOptimize(Evaluate(*module, dataset, {}, [] { return false; }));
}
BENCHMARK(EvaluateTestSet)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

void Pack(benchmark::State& state) {
  const Tensors& tensors = MnistCnn().parameters;
  const Packing packing = state.range(1) != 0 ? Packing::kFast : Packing::kReference;
  SignVector out;
  for (auto _ : state) {
    const auto packer =
        SignPacker::Make(tensors.tensors, tensors.values, {static_cast<float>(state.range(0)), 1}, packing);
    packer->Pack(0, tensors.values.size(), &out);
    benchmark::DoNotOptimize(out.signs.data());
  }
}
BENCHMARK(Pack)->ArgNames({"dither", "fast"})->ArgsProduct({{0, 2}, {0, 1}})->Unit(benchmark::kMicrosecond);

void ApplyAndFingerprint(benchmark::State& state) {
  std::vector<float> parameters = MnistCnn().parameters.values;
  std::vector<uint64_t> signs((parameters.size() + 63) / 64, 0x5555);
  for (auto _ : state) {
    ApplyDecision(signs, {}, {1e-4f, 1}, parameters);
    benchmark::DoNotOptimize(FingerprintOf(parameters));
  }
}
BENCHMARK(ApplyAndFingerprint)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace signvote

BENCHMARK_MAIN();
