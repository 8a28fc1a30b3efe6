// signvote-loadgen: thousands of voters in one process, over real streams, without training.
#include <malloc.h>
#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/bundle.h"
#include "common/files.h"
#include "common/random.h"
#include "common/status.h"
#include "tests/bench/load_voter.h"

namespace signvote {
namespace {

constexpr absl::Duration kJoinLimit = absl::Minutes(2);
constexpr absl::Duration kLeaveLimit = absl::Seconds(30);
constexpr absl::Duration kRunLimit = absl::Hours(24);
constexpr uint64_t kJoinsInFlight = 100;

constexpr const char* kFooter =
    R"(Voters join by the real protocol and vote when all are there: give the server a rounds.quorum of as many voters (or of
rounds.electorate, if that is fewer) and a long rounds.deadline. Exit codes: 0 done; 1 a voter failed; 2 command line;
3 the server cannot be reached.

Examples:
  signvote-loadgen bundle --parameters 1000000 --out bundle
  signvote-loadgen --server 127.0.0.1:7100 --voters 1000 --rounds 20)";

int Fail(const absl::Status& status) {
  fmt::print(stderr, "signvote-loadgen: {}\n", Message(status));
  return ExitCodeOf(status);
}

int WriteLoadBundle(uint64_t parameters, uint64_t seed, const std::string& directory) {
  ModelBundle bundle;
  bundle.module = "no model: parameters for signvote-loadgen, which computes nothing";
  bundle.parameters.tensors = {{"parameters", {parameters}}};
  bundle.parameters.values.resize(parameters);
  const uint64_t key = Key(seed, Purpose::kInit);
  for (uint64_t n = 0; n < parameters; ++n) {
    bundle.parameters.values[n] = static_cast<float>(static_cast<int32_t>(Mix(key + n) >> 40)) * 0x1p-28f;
  }
  const absl::Status status = WriteBundle(directory, bundle);
  return status.ok() ? kExitOk : Fail(status);
}

void Print(const LoadOptions& options, const LoadReport& r, bool as_json) {
  const double rate = r.seconds > 0 ? static_cast<double>(r.rounds) / r.seconds : 0;
  if (as_json) {
    const nlohmann::json json = {{"voters", options.voters},
                                 {"parameters", r.parameters},
                                 {"rounds", r.rounds},
                                 {"rounds_per_second", rate},
                                 {"round_seconds", {{"median", r.round_median}, {"worst", r.round_worst}}},
                                 {"delivery_seconds", {{"median", r.delivery_median}, {"worst", r.delivery_worst}}},
                                 {"bytes_up", r.bytes_up},
                                 {"bytes_down", r.bytes_down},
                                 {"reloads", r.reloads}};
    fmt::print("{}\n", json.dump());
    return;
  }
  fmt::print("{} voters, {} parameters: {} rounds in {:.2f} s, {:.3g} rounds/s\n", options.voters, r.parameters,
             r.rounds, r.seconds, rate);
  fmt::print("round: median {:.1f} ms, worst {:.1f} ms; from the first voter told to the last: {:.1f} ms, {:.1f} ms\n",
             r.round_median * 1e3, r.round_worst * 1e3, r.delivery_median * 1e3, r.delivery_worst * 1e3);
  fmt::print("bytes a round: {:.0f} up, {:.0f} down; voters that had to load the parameters again: {}\n", r.bytes_up,
             r.bytes_down, r.reloads);
}

class Load {
 public:
  explicit Load(const LoadOptions& options) : swarm_(options) {
    const uint64_t channels = options.channels == 0 ? options.voters : std::min(options.channels, options.voters);
    for (uint64_t i = 0; i < channels; ++i) channels_.push_back(MakeLoadChannel(options.server));
    for (uint64_t i = 0; i < options.voters; ++i) {
      voters_.push_back(std::make_unique<LoadVoter>(&swarm_, options.first + i, channels_[i % channels]));
    }
  }

  absl::Status Run() {
    absl::Status status = JoinAll();
    if (status.ok()) {
      for (const auto& voter : voters_) voter->Go();
      swarm_.WaitDone(kRunLimit);
    }
    Leave();
    return status.ok() ? swarm_.status() : status;
  }
  LoadReport Report() const { return swarm_.Report(); }

 private:
  absl::Status JoinAll() {
    Start(0);
    if (!swarm_.WaitLoaded(kJoinLimit)) return Late("was not given the parameters");
    for (uint64_t i = 1; i < voters_.size() && !swarm_.IsDone(); ++i) {
      // A few at a time: the listening socket's queue is short.
      if (i > kJoinsInFlight && !swarm_.WaitArrived(i - kJoinsInFlight, kJoinLimit)) return Late("did not join");
      Start(i);
    }
    if (!swarm_.WaitArrived(voters_.size(), kJoinLimit)) return Late("did not join");
    return swarm_.status();
  }

  void Start(uint64_t i) {
    voters_[i]->Join();
    started_ = i + 1;
  }

  static absl::Status Late(const char* what) {
    return Error(absl::StatusCode::kUnavailable, "a voter {} within {}", what, absl::FormatDuration(kJoinLimit));
  }

  void Leave() {
    swarm_.Abandon(voters_.size() - started_);
    for (uint64_t i = 0; i < started_; ++i) voters_[i]->Go();
    if (swarm_.WaitEnded(kLeaveLimit)) return;
    for (uint64_t i = 0; i < started_; ++i) voters_[i]->Cancel();
    swarm_.WaitEnded(kRunLimit);
  }

  Swarm swarm_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<LoadVoter>> voters_;
  uint64_t started_ = 0;
};

int Main(int argc, char** argv) {
  CLI::App app{"signvote-loadgen: thousands of voters in one process, ballots without training."};
  LoadOptions options;
  bool as_json = false;
  uint64_t parameters = 0;
  std::string out;
  app.add_option("--server", options.server, "HOST:PORT")->capture_default_str();
  app.add_option("--voters", options.voters, "how many")->check(CLI::Range(1, 20000))->capture_default_str();
  app.add_option("--rounds", options.rounds, "rounds to measure; 0: to the end of the run")->capture_default_str();
  app.add_option("--fraction", options.fraction, "k: vote on one k-th of the stripes; 0: the server's")
      ->check(CLI::Range(0, 16));
  app.add_option("--channels", options.channels, "connections that the voters share; 0: one a voter");
  app.add_option("--prefix", options.prefix, "names are PREFIX-NUMBER")->capture_default_str();
  app.add_option("--first", options.first, "NUMBER of the first voter");
  app.add_option("--flipped", options.flipped, "so many of them, the first ones, vote with flipped signs");
  app.add_option("--seed", options.seed, "of ballots and bundles")->capture_default_str();
  app.add_flag("--json", as_json, "print one line of JSON");
  CLI::App* bundle = app.add_subcommand("bundle", "write a bundle of random parameters, to serve");
  bundle->add_option("--parameters", parameters, "N")->required()->check(CLI::PositiveNumber);
  bundle->add_option("--out", out, "directory")->required();
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  if (bundle->parsed()) return WriteLoadBundle(parameters, options.seed, out);
  RaiseFileLimit();
  Load load(options);
  const absl::Status status = load.Run();
  if (!status.ok()) return Fail(status);
  Print(options, load.Report(), as_json);
  return kExitOk;
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  // Blocks come and go all the time: their memory is kept instead of being fetched from the system page by page.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  return signvote::Main(argc, argv);
}
