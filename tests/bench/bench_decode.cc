// How fast the weight rules decode, each beside what the memory of the same machine allows. One row a line (measure.h).
//
// usage: bench_decode [substring of row names]
#include <fmt/format.h>

#include <thread>

#include "server/vote/agreement_matrix.h"
#include "tests/bench/decode_federation.h"
#include "tests/bench/measure.h"

namespace signvote {
namespace {

double Gvotes(const DecodeFederation& f, double seconds) { return f.Votes() / seconds * 1e-9; }

void PrintDecode(const std::string& row, const DecodeFederation& f, const Turns& turns, Reach reach) {
  Print({row, Gvotes(f, turns.measured), "Gvotes/s", Gvotes(f, turns.reference), turns.quotient, reach});
}

VoteOptions ItSignSgd(uint32_t bits) {
  return {.rule = "it-signsgd", .carry = 0, .warmup_rounds = 1, .counter_bits = bits, .prior = 0};
}

void BenchItSignSgd() {
  const std::string wide = "decode it-signsgd 16 bits, M=15, N=10M, 1 thread";
  const std::string all = "decode it-signsgd 16 bits, M=15, N=10M, all threads";
  const std::string narrow = "decode it-signsgd 8 bits, M=15, N=10M, of 16 bits";
  const std::string prior = "decode it-signsgd prior 100 carry 0.9, M=15, N=10M, 1 thread";
  if (!Wanted(wide) && !Wanted(all) && !Wanted(narrow) && !Wanted(prior)) return;
  DecodeFederation f(15, 10'000'000);
  const auto counters = static_cast<uint64_t>(f.Votes());
  if (Wanted(wide) || Wanted(all)) {
    f.Use(ItSignSgd(16));
    Memory memory(counters * 2);
    PrintDecode(wide, f,
                TakeTurns(
                    9, [&] { f.Round(); }, [&] { memory.ReadModifyWrite(); }),
                AtLeast(0.8));
    const size_t threads = std::max(1u, std::thread::hardware_concurrency());
    ThreadPool pool(threads);
    const auto reference = [&] {
      pool.ParallelFor(f.range.count, [&](size_t i) { memory.ReadModifyWrite(i, f.range.count); });
    };
    PrintDecode(fmt::format("{} ({})", all, threads), f,
                TakeTurns(
                    9, [&] { f.Round(&pool); }, reference, WallSeconds),
                AtLeast(0.85));
  }
  if (Wanted(narrow)) {
    DecodeFederation g(15, 10'000'000);
    f.Use(ItSignSgd(8));
    g.Use(ItSignSgd(16));
    PrintDecode(narrow, f,
                TakeTurns(
                    9, [&] { f.Round(); }, [&] { g.Round(); }),
                AtLeast(1.7));
  }
  if (Wanted(prior)) {
    f.Use({.rule = "it-signsgd"});
    Memory memory(counters * 2 + f.range.parameters * 4);
    PrintDecode(prior, f,
                TakeTurns(
                    5, [&] { f.Round(); }, [&] { memory.ReadModifyWrite(); }),
                AtLeast(0.8));
  }
}

// Seconds that learning takes of a round, once settled: the mean over 16, for a fit from scratch comes every four.
double LearningSeconds(const DecodeFederation& f) {
  std::vector<AgreementMatrix> matrices;
  std::vector<BallotSample> samples;
  const auto sample = [&](uint64_t b) {
    const BlockShape shape = f.Shape(b);
    BallotSample taken(1, f.views[0][b], shape, matrices[b].words_before());
    for (BallotTiles tiles(f.views[0][b], shape); tiles.Next();) taken.Collect(tiles);
    return taken;
  };
  uint64_t round = 0;
  const auto observe = [&] {
    ++round;
    for (uint64_t b = 0; b < f.range.count; ++b) {
      matrices[b].Observe(round, f.views[0][b], f.electorate, samples[b], FastKernels());
    }
  };
  for (uint64_t b = 0; b < f.range.count; ++b) {
    matrices.emplace_back(false, f.Shape(b));
    samples.push_back(sample(b));
  }
  observe();
  for (uint64_t b = 0; b < f.range.count; ++b) samples[b] = sample(b);  // with the words of the round before
  constexpr int kRounds = 16;
  for (int i = 0; i < kRounds; ++i) observe();
  return CpuSeconds([&] {
           for (int i = 0; i < kRounds; ++i) observe();
         }) /
         kRounds;
}

void BenchAgreement(size_t voters, uint64_t parameters, const std::string& shape, Reach reach, bool learning,
                    uint32_t sections = 1) {
  const std::string decode = fmt::format("decode agreement, {}, 1 thread", shape);
  const std::string learn = fmt::format("agreement's pair counts and fit, {}, of the decode", shape);
  if (!Wanted(decode) && !Wanted(learn)) return;
  DecodeFederation f(voters, parameters, 1, sections);
  f.Use({});
  Memory evidence(parameters * (voters > 128 ? 4 : 2)), ballots(f.BallotBytes());
  const Turns turns = TakeTurns(
      7, [&] { f.Round(); },
      [&] {
        evidence.ReadModifyWrite();
        ballots.Read();
      });
  PrintDecode(decode, f, turns, reach);
  if (!learning) return;
  const double seconds = LearningSeconds(f), rest = turns.measured - seconds;
  Print({learn, seconds * 1e3, "ms", rest * 1e3, seconds / rest, AtMost(0.15)});
}

void BenchFraction() {
  const std::string row = "decode agreement, k=8, M=100, N=10M, time of k=1";
  if (!Wanted(row)) return;
  DecodeFederation whole(100, 10'000'000), part(100, 10'000'000, 8);
  whole.Use({});
  part.Use({});
  const Turns turns = TakeTurns(
      7, [&] { part.Round(); }, [&] { whole.Round(); });
  Print({row, turns.measured * 1e3, "ms", turns.reference * 1e3, 1 / turns.quotient, AtMost(0.3)});
}

void BenchMajority() {
  for (const double carry : {0.0, 0.9}) {
    const std::string row = carry == 0 ? "majority, M=15, N=100M, of reading the ballots"
                                       : "majority carried, M=15, N=100M, of evidence and reading the ballots";
    if (!Wanted(row)) continue;
    DecodeFederation f(15, 100'000'000);
    f.Use({.rule = "majority", .carry = carry});
    Memory ballots(f.BallotBytes()), evidence(carry == 0 ? 0 : f.range.parameters * 2);
    const auto reference = [&] {
      ballots.Read();
      evidence.ReadModifyWrite();
    };
    PrintDecode(row, f,
                TakeTurns(
                    7, [&] { f.Round(); }, reference),
                carry == 0 ? AtLeast(0.6) : Reach());
  }
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  using namespace signvote;
  if (argc > 1) wanted_rows = argv[1];
  BenchItSignSgd();
  BenchAgreement(15, 10'000'000, "M=15, N=10M", AtLeast(0.55), true);
  BenchAgreement(100, 10'000'000, "M=100, N=10M", AtLeast(0.85), false);
  BenchAgreement(1000, 1 << 20, "M=1000, N=1M", Reach(), true);
  BenchAgreement(15, 10'000'000, "M=15, N=10M, 8 sections", Reach(), true, 8);
  BenchAgreement(100, 10'000'000, "M=100, N=10M, 8 sections", Reach(), true, 8);
  BenchFraction();
  BenchMajority();
  return 0;
}
