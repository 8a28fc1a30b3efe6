#include "tests/simulation/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/blocks.h"
#include "common/random.h"

namespace signvote::simulation {
namespace {

using Kind = Fault::Kind;

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(Mix(seed ^ 0x5ce7a210)) {}
  bool Chance(double probability) { return random_.Unit() < probability; }
  uint64_t From(uint64_t low, uint64_t high) { return low + random_.Below(high - low + 1); }
  absl::Duration Seconds(double low, double high) { return absl::Seconds(low + (high - low) * random_.Unit()); }
  template <typename T>
  T Of(std::initializer_list<T> values) {
    return values.begin()[random_.Below(values.size())];
  }

 private:
  Random random_;
};

VoteOptions DrawVote(Draw& draw) {
  VoteOptions vote;
  vote.rule = draw.Of<const char*>({"majority", "it-signsgd", "agreement", "agreement"});
  vote.carry = draw.Of({0.0, 0.9, 0.9});
  vote.assume_hostile = draw.Chance(0.2);
  vote.warmup_rounds = static_cast<uint32_t>(draw.From(0, 5));
  vote.counter_bits = draw.Of({8u, 16u});
  vote.prior = draw.Of({0.0, 100.0});
  return vote;
}

std::vector<ClientPlan> DrawClients(Draw& draw, uint64_t voters, uint64_t observers) {
  std::vector<ClientPlan> clients;
  for (uint64_t i = 0; i < voters + observers; ++i) {
    ClientPlan& client = clients.emplace_back();
    client.role = i < voters ? v1::VOTER : v1::OBSERVER;
    client.name = fmt::format("{}{}", i < voters ? "voter-" : "observer-", i + 1);
    if (i < voters && draw.Chance(0.1)) client.fraction = static_cast<uint32_t>(draw.From(1, 4));
    client.compute_low = draw.Seconds(0.05, 1);
    client.compute_high = client.compute_low * (draw.Chance(0.2) ? 10 : 1.5);
  }
  return clients;
}

FaultyDisk::Loss DrawLoss(Draw& draw) {
  using Loss = FaultyDisk::Loss;
  return draw.Of({Loss::kNothing, Loss::kUnsynced, Loss::kSome, Loss::kSome});
}

Fault DrawFault(Draw& draw, const Scenario& scenario) {
  Fault fault;
  std::vector<Kind> kinds = {Kind::kBreakStreams, Kind::kBreakStreams, Kind::kBreakStreams, Kind::kPartition,
                             Kind::kPartition,    Kind::kClientCrash,  Kind::kClientCrash,  Kind::kSlowClient,
                             Kind::kServerKill,   Kind::kPowerLoss,    Kind::kCrashAtCall,  Kind::kCrashAtCall,
                             Kind::kCrashAtCall,  Kind::kServerStop,   Kind::kDiskFails,    Kind::kDiskFails,
                             Kind::kPause,        Kind::kCheckpoint};
  if (!scenario.is_exact) {
    for (Kind kind : {Kind::kClientLeave, Kind::kEvict, Kind::kEvict, Kind::kStepSize}) kinds.push_back(kind);
  }
  fault.kind = kinds[draw.From(0, kinds.size() - 1)];
  fault.at = draw.Seconds(0, absl::ToDoubleSeconds(scenario.horizon));
  fault.client = scenario.clients[draw.From(0, scenario.clients.size() - 1)].name;
  fault.duration = draw.Seconds(0, draw.Chance(0.3) ? 150 : 8);
  fault.loss = DrawLoss(draw);
  switch (fault.kind) {
    case Kind::kPartition:
      if (draw.Chance(0.3)) fault.client.clear();
      fault.amount = draw.From(1, 3);
      break;
    case Kind::kCrashAtCall:
      fault.amount = draw.From(1, draw.Chance(0.5) ? 8 : 80);
      break;
    case Kind::kDiskFails:
      fault.amount = draw.Of<uint64_t>({5, 30, 100});
      fault.code = draw.Of({absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted});
      break;
    default:
      break;
  }
  return fault;
}

}  // namespace

Scenario DrawScenario(uint64_t seed) {
  Draw draw(seed);
  Scenario scenario;
  scenario.seed = seed;
  scenario.is_exact = draw.Chance(0.35);
  const uint64_t voters = draw.From(1, 6);
  const bool is_large = draw.Chance(0.03);  // two blocks
  scenario.parameters = is_large ? kBlockCoordinates + 1000 : draw.From(1, 3000);

  ServerOptions& options = scenario.options;
  options.directory = "/runs/simulated";
  options.seed = seed & 0xffffffff;
  options.vote = DrawVote(draw);
  options.fraction = draw.Chance(0.25) ? static_cast<uint32_t>(draw.From(2, 4)) : 1;
  options.step = {.size = 0.01,
                  .schedule = draw.Of<const char*>({"constant", "cosine", "inverse-sqrt"}),
                  .weight_decay = draw.Of({0.0, 0.1})};
  options.rounds.total = is_large ? 4 : draw.From(3, draw.Chance(0.2) ? 60 : 15);
  options.rounds.deadline = draw.Seconds(2, 20);
  options.rounds.quorum = static_cast<uint32_t>(scenario.is_exact ? voters : draw.From(1, voters));
  if (!scenario.is_exact) {
    if (draw.Chance(0.3)) options.rounds.close_early = draw.Of({0.5, 0.9, 0.999});
    options.rounds.max_staleness = static_cast<uint32_t>(draw.From(0, 3));
    if (draw.Chance(0.3)) options.rounds.electorate = static_cast<uint32_t>(draw.From(options.rounds.quorum, voters));
  }
  options.checkpoint_every = draw.Chance(0.5) ? draw.From(1, 6) : 0;
  options.checkpoint_keep = static_cast<uint32_t>(draw.From(1, 3));
  options.durability = draw.Chance(0.75) ? "ballots" : "decisions";

  scenario.clients = DrawClients(draw, voters, draw.From(0, 1));
  if (scenario.is_exact && options.durability == "decisions") options.vote = {.rule = "majority", .carry = 0};
  scenario.horizon = absl::Seconds(1.5 * static_cast<double>(options.rounds.total) + 2);
  const uint64_t faults = draw.Chance(0.1) ? 0 : draw.From(1, draw.Chance(0.3) ? 25 : 6);
  for (uint64_t i = 0; i < faults; ++i) scenario.faults.push_back(DrawFault(draw, scenario));
  std::sort(scenario.faults.begin(), scenario.faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
  return scenario;
}

Scenario Calm(Scenario scenario) {
  scenario.faults.clear();
  return scenario;
}

std::string Describe(const Fault& fault) {
  const std::string span = absl::FormatDuration(absl::Trunc(fault.duration, absl::Milliseconds(1)));
  const char* kLosses[] = {"nothing is lost", "all that is unsynced is lost", "some of what is unsynced is lost"};
  const char* loss = kLosses[static_cast<int>(fault.loss)];
  switch (fault.kind) {
    case Kind::kBreakStreams:
      return fmt::format("the streams of {} break", fault.client);
    case Kind::kPartition: {
      const char* kWays[] = {"", "to", "from", "to and from"};
      return fmt::format("nothing travels {} the server for {} ({})", kWays[fault.amount], span,
                         fault.client.empty() ? "everyone" : fault.client);
    }
    case Kind::kClientCrash:
      return fmt::format("{} crashes and is back after {}", fault.client, span);
    case Kind::kClientLeave:
      return fmt::format("{} leaves and is back after {}", fault.client, span);
    case Kind::kSlowClient:
      return fmt::format("{} is slow for {}", fault.client, span);
    case Kind::kServerKill:
      return "the server is killed";
    case Kind::kPowerLoss:
      return fmt::format("the server loses power, {}", loss);
    case Kind::kCrashAtCall:
      return fmt::format("the server will crash at change {} of its disk from now, {}", fault.amount, loss);
    case Kind::kServerStop:
      return "the server is stopped";
    case Kind::kDiskFails:
      return fmt::format("{} percent of the disk's changes fail for {}: {}", fault.amount, span,
                         absl::StatusCodeToString(fault.code));
    case Kind::kPause:
      return fmt::format("the administrator pauses for {}", span);
    case Kind::kEvict:
      return fmt::format("the administrator evicts {} for {}", fault.client, span);
    case Kind::kStepSize:
      return "the administrator sets another step size";
    case Kind::kCheckpoint:
      return "the administrator wants a checkpoint";
  }
  return "";
}

std::string Describe(const Scenario& scenario) {
  const ServerOptions& o = scenario.options;
  std::string text = fmt::format(
      "seed {}: {} parameters, {} clients, {} rounds, rule {}, carry {}, fraction 1/{}, quorum {}, deadline {}, "
      "close_early {}, max_staleness {}, electorate {}, durability {}, a checkpoint every {} rounds, {} kept{}\n",
      scenario.seed, scenario.parameters, scenario.clients.size(), o.rounds.total, o.vote.rule, o.vote.carry,
      o.fraction, o.rounds.quorum, absl::FormatDuration(absl::Trunc(o.rounds.deadline, absl::Milliseconds(1))),
      o.rounds.close_early, o.rounds.max_staleness, o.rounds.electorate, o.durability, o.checkpoint_every,
      o.checkpoint_keep, scenario.is_exact ? "; faults must not change the result" : "");
  return text;
}

}  // namespace signvote::simulation
