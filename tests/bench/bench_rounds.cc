// Rounds of real servers with voters that do not train, on loopback: time, bytes, memory. One row a line (measure.h).
//
// usage: bench_rounds [substring of row names]
#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "tests/bench/bench_servers.h"
#include "tests/bench/measure.h"

namespace signvote {
namespace {

constexpr uint64_t kVoters = 15;
constexpr double kMillion = 1e6;

double RoundSeconds(const nlohmann::json& report) { return report["round_seconds"]["median"]; }

std::string Short(uint64_t parameters) {
  return parameters < 1'000'000 ? fmt::format("{:.2f}M", static_cast<double>(parameters) / kMillion)
                                : fmt::format("{}M", parameters / 1'000'000);
}

// The slope of the line through (log x, log y), by least squares.
double Exponent(const std::vector<std::pair<double, double>>& points) {
  double x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [a, b] : points) {
    x += std::log(a), y += std::log(b), xx += std::log(a) * std::log(a), xy += std::log(a) * std::log(b);
  }
  const auto n = static_cast<double>(points.size());
  return (n * xy - x * y) / (n * xx - x * x);
}

// The same number of bytes goes up and down in an echo, and in a round without differences.
void BenchRoundTime(BenchDirectory* directory) {
  std::vector<std::pair<double, double>> points;
  const std::string exponent = "round time, N = 1M to 100M at M=15, exponent of N";
  for (const auto& [parameters, rounds] :
       {std::pair<uint64_t, uint64_t>{582'026, 60}, {10'000'000, 20}, {100'000'000, 6}}) {
    const std::string row =
        fmt::format("round without compute, 15 client processes, N={}, of a bare echo", Short(parameters));
    if (!Wanted(row) && !Wanted(exponent)) continue;
    const BenchServer server(directory, parameters, kVoters, {});
    std::vector<double> echoes, measured;
    for (int turn = 0; turn < 2; ++turn) {
      echoes.push_back(RunEcho(directory, kVoters, parameters / 8, rounds));
      measured.push_back(RoundSeconds(RunLoadProcesses(directory, server, kVoters, rounds)));
    }
    echoes.push_back(RunEcho(directory, kVoters, parameters / 8, rounds));
    const double seconds = (measured[0] + measured[1]) / 2, echo = Median(echoes);
    Print({row, seconds * 1e3, "ms", echo * 1e3, seconds / echo, AtMost(1.3)});
    points.emplace_back(static_cast<double>(parameters), seconds);
  }
  // From the second point on: a round of 0.6M is all latency.
  if (points.size() == 3) {
    const double slope = Exponent({points[1], points[2]});
    Print({exponent, slope, "exponent", 1, slope, AtMost(1.05)});
  }
}

void BenchVoters(BenchDirectory* directory) {
  const std::string row = "round time, M = 1, 15, 100, 1000 at N=1M, exponent of M";
  if (!Wanted(row)) return;
  std::vector<std::pair<double, double>> points;
  for (const uint64_t voters : {1, 15, 100, 1000}) {
    const BenchServer server(directory, 1'000'000, voters, {});
    const double seconds = RoundSeconds(RunLoad(directory, server, voters, voters == 1000 ? 8 : 30));
    points.emplace_back(static_cast<double>(voters), seconds);
    Print({fmt::format("round, M={}, N=1M", voters), seconds * 1e3, "ms", 0, 0, {}});
  }
  const double slope = Exponent(points);
  Print({row, slope, "exponent", 1, slope, AtMost(1.05)});
}

void BenchBytes(BenchDirectory* directory) {
  constexpr uint64_t kParameters = 10'000'000;
  for (const uint64_t k : {1, 8}) {
    const std::string up = fmt::format("bytes up a round and voter, N=10M, k={}, of N/8k", k);
    const std::string down = fmt::format("bytes down a round and voter, N=10M, k={}, of N/8", k);
    if (!Wanted(up) && !Wanted(down)) continue;
    const BenchServer server(directory, kParameters, kVoters, {fmt::format("fraction={}", k)});
    RunLoad(directory, server, kVoters, 12);
    PauseBriefly();
    const std::map<std::string, double> metrics = server.Metrics();
    const double whole = static_cast<double>(kParameters) / 8;
    const double sent = metrics.at("bytes_up") / kVoters, received = metrics.at("bytes_down") / kVoters;
    const double part = whole / static_cast<double>(k);
    Print({up, sent, "bytes", part, sent / part, AtMost(1.02)});
    Print({down, received, "bytes", whole, received / whole, AtMost(1.02)});
  }
}

void BenchMemory(BenchDirectory* directory) {
  const std::string counts = "server memory, it-signsgd, M=15, N=10M, of 2*M*N + 4N + ballots";
  constexpr double kParameters = 1e7;
  if (Wanted(counts)) {
    const BenchServer server(directory, 10'000'000, kVoters, {"rule=it-signsgd", "carry=0", "it-signsgd.prior=0"});
    RunLoad(directory, server, kVoters, 5);
    const double formula = kParameters * (2.0 * kVoters + 4 + kVoters / 8.0);
    const auto peak = static_cast<double>(server.PeakBytes());
    Print({counts, peak / kMillion, "MB", formula / kMillion, peak / formula, AtMost(1.15)});
  }
  const std::string evidence = "server memory, agreement, M=1000, N=10M, of 8N + ballots";
  if (Wanted(evidence)) {
    const BenchServer server(directory, 10'000'000, 1000, {});
    RunLoad(directory, server, 1000, 3);
    const double formula = kParameters * (8 + 1000 / 8.0);
    const auto peak = static_cast<double>(server.PeakBytes());
    Print({evidence, peak / kMillion, "MB", formula / kMillion, peak / formula, AtMost(1.15)});
  }
}

void BenchJournal(BenchDirectory* directory) {
  const std::string row = "durability ballots, M=15, N=10M, of none";
  if (!Wanted(row)) return;
  const BenchServer without(directory, 10'000'000, kVoters, {}),
      with(directory, 10'000'000, kVoters, {"durability=ballots"});
  std::vector<double> plain, durable;
  for (int turn = 0; turn < 3; ++turn) {
    plain.push_back(1 / RoundSeconds(RunLoad(directory, without, kVoters, 10)));
    durable.push_back(1 / RoundSeconds(RunLoad(directory, with, kVoters, 10)));
  }
  Print({row, Median(durable), "rounds/s", Median(plain), Median(durable) / Median(plain), {}});
}

// Voters vote in both shards at their own pace.
void BenchShards(BenchDirectory* directory) {
  const std::string row = "2 shards on a core each, M=15, N=10M, of 1 server on a core";
  if (!Wanted(row)) return;
  const auto rate = [&](const BenchServer& server) {
    return 1 / RoundSeconds(RunLoad(directory, server, kVoters, 15));
  };
  double one = 0;
  {
    const BenchServer whole(directory, 10'000'000, kVoters, {}, 0);
    one = rate(whole);
  }
  const BenchServer first(directory, 10'000'000, kVoters, {"shard.index=0", "shard.count=2"}, 0);
  const BenchServer second(directory, 10'000'000, kVoters, {"shard.index=1", "shard.count=2"}, 1);
  double of_second = 0;
  std::thread other([&] { of_second = rate(second); });
  const double of_first = rate(first);
  other.join();
  const double two = std::min(of_first, of_second);
  Print({row, two, "rounds/s", one, two / one, {}});
}

void BenchColdStart(BenchDirectory* directory) {
  const std::string row = "time to the end of the first round, 15 client processes, N=10M";
  if (!Wanted(row)) return;
  directory->Bundle(10'000'000);
  const double seconds = WallSeconds([&] {
    const BenchServer server(directory, 10'000'000, kVoters, {});
    RunLoadProcesses(directory, server, kVoters, 1);
  });
  Print({row, seconds, "s", 0, 0, {}});
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  using namespace signvote;
  if (argc > 1) wanted_rows = argv[1];
  BenchDirectory directory;
  BenchColdStart(&directory);
  BenchRoundTime(&directory);
  BenchBytes(&directory);
  BenchVoters(&directory);
  BenchMemory(&directory);
  BenchJournal(&directory);
  BenchShards(&directory);
  return 0;
}
