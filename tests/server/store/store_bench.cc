// How fast rounds become durable, and how fast they come back: store_bench DIRECTORY [PARAMETERS] [VOTERS] [ROUNDS].
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "common/status.h"
#include "common/thread_pool.h"
#include "server/store/maintenance.h"
#include "tests/server/store/live_run.h"

int main(int argc, char** argv) {
  using namespace signvote;
  if (argc < 2) return std::fprintf(stderr, "store_bench DIRECTORY [PARAMETERS] [VOTERS] [ROUNDS]\n"), 2;
  LiveOptions options;
  options.parameters = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000'000;
  options.voters = argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 15;
  options.has_events = false;
  const int rounds = argc > 4 ? std::atoi(argv[4]) : 50;
  ThreadPool pool(std::max(1u, std::thread::hardware_concurrency()));
  const ParallelFor parallel = [&](size_t count, const std::function<void(size_t)>& body) {
    pool.ParallelFor(count, body);
  };
  auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };

  double append = 0;
  Image last;
  {
    LiveRun live(PosixDisk(), argv[1], options);
    live.on_append = [&](double seconds) { append += seconds; };
    for (int i = 0; i < rounds; ++i) {
      if (absl::Status status = live.Round(); !status.ok())
        return std::fprintf(stderr, "%s\n", Message(status).c_str()), 1;
    }
    last = live.Now();
  }
  std::printf("append: %.1f ms a round\n", append / rounds * 1e3);
  const double verify = now();
  if (!VerifyRun(argv[1]).ok()) return 1;
  std::printf("verify: %.2f s\n", now() - verify);
  const double start = now();
  auto run = OpenRun(argv[1], SetupOf(options), InitialParameters(options), parallel);
  const double took = now() - start;
  if (!run.ok()) return std::fprintf(stderr, "%s\n", Message(run.status()).c_str()), 1;
  std::printf("recovery: %.2f s, %.1f ms a round\n%s\n", took, took / rounds * 1e3, run->report.c_str());
  return LiveRun(*std::move(run), options).Now() == last ? 0 : 1;
}
