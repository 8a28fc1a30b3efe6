#include "server/service/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "common/status.h"
#include "server/service/endpoint.h"
#include "server/service/history.h"
#include "server/vote/rule.h"
#include "server/vote/sections.h"

namespace signvote {
namespace {

constexpr uint64_t kSessionBytes = 24'000;  // of gRPC, most of it: measured

std::string Size(uint64_t bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  for (; size >= 1000 && unit + 1 < std::size(units); ++unit) size /= 1000;
  return fmt::format("{:.{}f} {}", size, unit == 0 ? 0 : 1, units[unit]);
}

// The numbers that the formulas speak of.
struct Quantities {
  uint64_t n = 0;  // coordinates
  uint64_t blocks = 0;
  uint64_t sections = 0;  // of all blocks
  uint64_t m = 0;         // voters
  uint64_t asked = 0;     // of them in a round
  uint64_t k = 1;         // fraction 1/k
  uint64_t planes = 1;    // of a ballot or a decision: signs, and zeros where votes may abstain
};

// Blocks are decided ahead where the rule can be copied: asked of one that is as small as can be.
bool DecidesAhead(const VoteOptions& vote) {
  std::unique_ptr<Rule> copy;
  return MakeRule(vote, {.block = 0, .coordinates = 1})->CopyTo(&copy);
}

}  // namespace

uint64_t MemoryPlan::Bytes() const {
  return std::accumulate(lines.begin(), lines.end(), uint64_t{0},
                         [](uint64_t sum, const Line& line) { return sum + line.bytes; });
}

MemoryPlan PlanMemory(const ServerOptions& options, const BlockRange& range, std::span<const TensorShape> tensors) {
  const RoundOptions& rounds = options.rounds;
  Quantities q{.n = range.Coordinates(), .blocks = range.count, .k = options.fraction};
  q.m = rounds.voters > 0 ? rounds.voters : std::max(rounds.quorum, rounds.electorate);
  q.asked = rounds.electorate > 0 ? std::min<uint64_t>(q.m, rounds.electorate) : q.m;
  for (uint64_t i = 0; i < range.count; ++i) q.sections += SectionsOf(tensors, range, range.first + i).size();
  q.planes = options.dither > 0 ? 1 : 2;

  MemoryPlan plan;
  plan.legend = fmt::format(
      "rule {}: N = {} coordinates in {} blocks and {} sections, M = {} voters, A = {} of them a round, k = {}, "
      "p = {} plane{} a ballot",
      options.vote.rule, q.n, q.blocks, q.sections, q.m, q.asked, q.k, q.planes, q.planes == 1 ? "" : "s");
  plan.lines.push_back({"parameters", "4*N", 4 * q.n});
  uint64_t learnt = 0;
  for (const StateSize& state : PlanState(options.vote, {q.n, q.blocks, q.m, q.sections})) {
    plan.lines.push_back({state.what, state.formula, state.bytes});
    learnt += state.bytes;
  }
  if (q.blocks > 1 && DecidesAhead(options.vote)) {
    plan.lines.push_back({"blocks decided ahead", "all that is learnt", learnt});
  }
  plan.lines.push_back({"ballots in flight", "p*A*N/8k", q.planes * q.asked * q.n / 8 / q.k});
  const uint64_t message = q.planes * std::min(q.n, kBlockCoordinates) / 8 / q.k;
  plan.lines.push_back({"messages in flight", fmt::format("2*p*A*block/8k, at most {}", Size(kReceiveBytes)),
                        std::min<uint64_t>(2 * q.asked * message, kReceiveBytes)});
  plan.lines.push_back({"sessions", fmt::format("M*{}", kSessionBytes), q.m * kSessionBytes});
  plan.lines.push_back(
      {"decisions to send", fmt::format("2*{}*N/8", History::kRounds), 2 * History::kRounds * q.n / 8});
  plan.lines.push_back({"parameters to send", "4*N", 4 * q.n});
  plan.lines.push_back({"checkpoint", "4*N + all that is learnt", 4 * q.n + learnt});
  return plan;
}

std::string Describe(const MemoryPlan& plan, const MachineMemory& machine) {
  std::string text = plan.legend + "\n";
  const auto add = [&](const std::string& what, const std::string& formula, uint64_t bytes) {
    text += fmt::format("  {:<20} {:<34} {:>10}\n", what, formula, Size(bytes));
  };
  for (const MemoryPlan::Line& line : plan.lines) add(line.what, line.formula, line.bytes);
  add("sum", "", plan.Bytes());
  add("this machine", machine.source, machine.bytes);
  return text;
}

absl::Status CheckMemory(const MemoryPlan& plan, const MachineMemory& machine) {
  if (plan.Bytes() <= machine.bytes) return absl::OkStatus();
  return Error(
      absl::StatusCode::kResourceExhausted,
      "this run would take {} of memory, and {} allows {}: take a rule with less state, expect fewer voters "
      "(rounds.voters), ask fewer a round (rounds.electorate), or divide the blocks among several servers.\n{}",
      Size(plan.Bytes()), machine.source, Size(machine.bytes), Describe(plan, machine));
}

}  // namespace signvote
