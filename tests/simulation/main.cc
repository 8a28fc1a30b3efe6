// signvote-simulation: whole federations in one thread, one for each seed.
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

#include "common/status.h"
#include "tests/simulation/simulation.h"

namespace {

using signvote::simulation::Outcome;

int Main(int argc, char** argv) {
  CLI::App app{
      "signvote-simulation: runs whole federations on a simulated clock, network and disk, each with the faults "
      "that its seed draws, and checks what must hold whatever happens."};
  uint64_t seeds = 200, first = 0;
  std::optional<uint64_t> seed;
  bool traces = false;
  app.add_option("--seeds", seeds, "how many seeds to run (200)");
  app.add_option("--first", first, "the first of them (0)");
  app.add_option("--seed", seed, "run this one alone");
  app.add_flag("--trace", traces, "tell what happens; with --seed");
  app.footer("Exit codes: 0 everything held; 1 something did not, its seed is told; 2 command line.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? signvote::kExitOk : signvote::kExitUsage;
  }
  if (seed) first = *seed, seeds = 1;
  traces = traces && seed.has_value();
  spdlog::set_pattern("           %v");
  spdlog::set_level(traces ? spdlog::level::info : spdlog::level::off);
  uint64_t broken = 0, rounds = 0, ballots = 0, starts = 0, give_ups = 0;
  double seconds = 0;
  for (uint64_t i = first; i < first + seeds; ++i) {
    const Outcome outcome = signvote::simulation::Check(i, traces);
    rounds += outcome.rounds, ballots += outcome.ballots, starts += outcome.server_starts;
    give_ups += outcome.give_ups, seconds += outcome.seconds;
    if (!outcome.broken) continue;
    ++broken;
    fmt::print("seed {}: {}\n  again: {} --seed {} --trace\n", i, *outcome.broken, argv[0], i);
    std::fflush(stdout);
  }
  fmt::print(
      "{} seeds from {} on, {} broken: {} rounds, {} ballots, {} server starts, {} clients gave up, {:.0f} simulated "
      "hours\n",
      seeds, first, broken, rounds, ballots, starts, give_ups, seconds / 3600);
  return broken == 0 ? signvote::kExitOk : signvote::kExitFailure;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }
