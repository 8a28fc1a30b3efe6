// How fast the weight rules decode on one core, each beside what the memory of the same machine allows. One JSON line a
// row: {"row", "measured", "unit", "reference", "ratio"}. Both are the best of several runs that take turns.
//
// usage: bench_decode [substring of row names]
#include <fmt/format.h>

#include <time.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "server/vote/agreement_matrix.h"
#include "tests/server/vote/electorate.h"

namespace signvote {
namespace {

using Wide = uint64_t __attribute__((vector_size(64)));

// Of this thread's processor time: what others run beside it is not counted.
double Seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  const double start = now();
  work();
  return now() - start;
}

struct Best {
  double measured = 1e9, reference = 1e9;  // seconds
};

Best TakeTurns(int turns, const std::function<void()>& work, const std::function<void()>& reference) {
  Best best;
  for (int i = 0; i < turns; ++i) {
    best.measured = std::min(best.measured, Seconds(work));
    best.reference = std::min(best.reference, Seconds(reference));
  }
  return best;
}

std::string filter;

bool Wanted(const std::string& row) { return row.find(filter) != std::string::npos; }

void Print(const std::string& row, double measured, const char* unit, double reference, double ratio) {
  fmt::print("{{\"row\": \"{}\", \"measured\": {:.4g}, \"unit\": \"{}\", \"reference\": {:.4g}, \"ratio\": {:.3f}}}\n",
             row, measured, unit, reference, ratio);
  std::fflush(stdout);
}

// Memory that a reference touches.
class Memory {
 public:
  explicit Memory(uint64_t bytes) : data_((bytes + 63) / 64) {}
  void ReadModifyWrite() {
    const Wide one = Wide{} + 1;
    for (Wide& x : data_) x += one;
  }
  void Read() {
    Wide a{}, b{};
    for (size_t i = 0; i + 2 <= data_.size(); i += 2) {
      a ^= data_[i];
      b ^= data_[i + 1];
    }
    a ^= b;
    sink_ = a[0];
  }

 private:
  std::vector<Wide> data_;
  volatile uint64_t sink_ = 0;
};

// M voters' ballots on all blocks of N coordinates, and a rule for each block.
struct Federation {
  Federation(size_t voters, uint64_t parameters) : range(BlockRange::All(parameters)), ballots(range.count) {
    BiasedBits bits(1);
    for (size_t m = 0; m < voters; ++m) electorate.push_back(m);
    for (uint64_t block = 0; block < range.count; ++block) {
      const uint64_t size = range.Size(block);
      for (size_t m = 0; m < voters; ++m) {
        OwnedBallot ballot{m, {}, {}, {}};
        for (uint64_t w = 0; w < WordsFor(size); ++w) {
          const uint64_t truth = Mix(block << 32 | w);
          const uint64_t noise = Mix(m << 40 | w), more = Mix(noise);
          ballot.signs.push_back(truth ^ (m % 3 == 0 ? noise & more : noise & (more | Mix(more))));
        }
        MaskTail(&ballot.signs, size);
        ballots[block].push_back(std::move(ballot));
      }
      views.push_back(Views(ballots[block]));
    }
  }
  void Use(const VoteOptions& options) {
    rules.clear();
    for (uint64_t block = 0; block < range.count; ++block)
      rules.push_back(MakeRule(options, {block, range.Size(block)}));
    round = 0;
    for (int i = 0; i < 3; ++i) Round();
  }
  void Round() {
    ++round;
    for (uint64_t block = 0; block < range.count; ++block)
      rules[block]->Decode(round, views[block], electorate, &decision);
  }
  double Votes() const { return static_cast<double>(range.parameters) * static_cast<double>(electorate.size()); }
  uint64_t BallotBytes() const { return range.parameters / 8 * electorate.size(); }

  BlockRange range;
  std::vector<VoterId> electorate;
  std::vector<std::vector<OwnedBallot>> ballots;
  std::vector<std::vector<Ballot>> views;
  std::vector<std::unique_ptr<Rule>> rules;
  SignVector decision;
  uint64_t round = 0;
};

VoteOptions ItSignSgd(uint32_t bits) {
  return {.rule = "it-signsgd", .carry = 0, .warmup_rounds = 1, .counter_bits = bits, .prior = 0};
}

void BenchItSignSgd() {
  Federation f(15, 10'000'000);
  const auto counters = static_cast<uint64_t>(f.Votes());
  double wide = 0;
  if (Wanted("it-signsgd 16 bits, M=15, N=10M, of a read-modify-write of its counters")) {
    f.Use(ItSignSgd(16));
    Memory memory(counters * 2);
    const Best best = TakeTurns(
        15, [&] { f.Round(); }, [&] { memory.ReadModifyWrite(); });
    wide = best.measured;
    Print("it-signsgd 16 bits, M=15, N=10M, of a read-modify-write of its counters", f.Votes() / best.measured * 1e-9,
          "Gvotes/s", f.Votes() / best.reference * 1e-9, best.reference / best.measured);
  }
  if (Wanted("it-signsgd 8 bits, M=15, N=10M, of 16 bits")) {
    f.Use(ItSignSgd(8));
    Memory memory(counters);
    const Best best = TakeTurns(
        15, [&] { f.Round(); }, [&] { memory.ReadModifyWrite(); });
    Print("it-signsgd 8 bits, M=15, N=10M, of 16 bits", f.Votes() / best.measured * 1e-9, "Gvotes/s",
          f.Votes() / wide * 1e-9, wide / best.measured);
  }
  const std::string row =
      "it-signsgd prior 100, carry 0.9, M=15, N=10M, of a read-modify-write of counters and evidence";
  if (Wanted(row)) {
    f.Use({.rule = "it-signsgd"});
    Memory memory(counters * 2 + f.range.parameters * 4);
    const Best best = TakeTurns(
        5, [&] { f.Round(); }, [&] { memory.ReadModifyWrite(); });
    Print(row, f.Votes() / best.measured * 1e-9, "Gvotes/s", f.Votes() / best.reference * 1e-9,
          best.reference / best.measured);
  }
}

void BenchAgreement(size_t voters, uint64_t parameters, const std::string& shape) {
  const std::string decode = fmt::format("agreement {}, of a read-modify-write of evidence and reading ballots", shape);
  const std::string learn = fmt::format("agreement {}, pair counts and fit, share of the decode", shape);
  if (!Wanted(decode) && !Wanted(learn)) return;
  Federation f(voters, parameters);
  f.Use({});
  Memory evidence(parameters * (voters > 128 ? 4 : 2)), ballots(f.BallotBytes());
  const Best best = TakeTurns(
      9, [&] { f.Round(); },
      [&] {
        evidence.ReadModifyWrite();
        ballots.Read();
      });
  Print(decode, f.Votes() / best.measured * 1e-9, "Gvotes/s", f.Votes() / best.reference * 1e-9,
        best.reference / best.measured);
  std::vector<AgreementMatrix> matrices(f.range.count, AgreementMatrix(false));
  std::vector<BallotSample> samples;
  for (uint64_t b = 0; b < f.range.count; ++b) {
    samples.emplace_back(1, voters, f.range.Size(b));
    for (BallotTiles tiles(f.views[b], f.range.Size(b)); tiles.Next();) samples.back().Collect(tiles);
  }
  uint64_t round = 0;
  const auto observe = [&] {
    ++round;
    for (uint64_t b = 0; b < f.range.count; ++b) {
      matrices[b].Observe(round, f.views[b], samples[b], FastKernels());
    }
  };
  observe();
  constexpr int kRounds = 16;  // the mean: a fit from scratch comes every 16
  const double seconds = Seconds([&] {
                           for (int i = 0; i < kRounds; ++i) observe();
                         }) /
                         kRounds;
  Print(learn, seconds * 1e3, "ms", (best.measured - seconds) * 1e3, seconds / (best.measured - seconds));
}

void BenchMajority() {
  for (const double carry : {0.0, 0.9}) {
    const std::string row =
        carry == 0 ? "majority, M=15, N=100M, of reading ballots"
                   : "majority carried, M=15, N=100M, of a read-modify-write of evidence and reading ballots";
    if (!Wanted(row)) continue;
    Federation f(15, 100'000'000);
    f.Use({.rule = "majority", .carry = carry});
    Memory ballots(f.BallotBytes()), evidence(carry == 0 ? 0 : f.range.parameters * 2);
    const Best best = TakeTurns(
        15, [&] { f.Round(); },
        [&] {
          ballots.Read();
          evidence.ReadModifyWrite();
        });
    Print(row, f.Votes() / best.measured * 1e-9, "Gvotes/s", f.Votes() / best.reference * 1e-9,
          best.reference / best.measured);
  }
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  using namespace signvote;
  if (argc > 1) filter = argv[1];
  BenchAgreement(15, 10'000'000, "M=15, N=10M");
  BenchAgreement(100, 10'000'000, "M=100, N=10M");
  BenchAgreement(1000, 1 << 20, "M=1000, N=1M");
  BenchMajority();
  BenchItSignSgd();
  return 0;
}
