#include "server/service/options.h"

#include <charconv>

#include "common/config.h"
#include "common/status.h"
#include "common/step_advice.h"

namespace signvote {
namespace {

Check<double> Below(uint64_t limit) {
  return {[limit](double value) { return value < static_cast<double>(limit); }, fmt::format("below {}", limit)};
}

// HOST:PORT or unix:PATH; gRPC itself takes port 99999 for 34463.
void CheckAddress(ConfigReader& reader, const char* key, const std::string& address) {
  if (address.starts_with("unix:")) return;
  const size_t colon = address.rfind(':');
  uint32_t port = 65536;
  if (colon != std::string::npos) {
    const char* end = address.data() + address.size();
    auto [stop, error] = std::from_chars(address.data() + colon + 1, end, port);
    if (error != std::errc() || stop != end) port = 65536;
  }
  if (colon == 0 || port > 65535) {
    reader.Fail(key, fmt::format("is \"{}\": expected HOST:PORT with a port from 0 to 65535, or unix:PATH", address));
  }
}

// "1/8" and "8" both mean k = 8.
void ReadFraction(ConfigReader& reader, uint32_t* k) {
  std::string text = std::to_string(*k);
  reader.Read("fraction", &text);
  std::string_view digits = text;
  if (digits.starts_with("1/")) digits.remove_prefix(2);
  uint32_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 1 || value > 16) {
    reader.Fail("fraction", fmt::format("is \"{}\": expected 1/k with k from 1 to 16", text));
    return;
  }
  *k = value;
}

void ReadVote(ConfigReader& reader, VoteOptions* vote) {
  reader.ReadChoice("rule", &vote->rule, RuleNames());
  reader.Read("carry", &vote->carry, Between(0, 0.999));
  std::string assume = "honest";
  reader.ReadChoice("agreement.assume", &assume, {"honest", "hostile"});
  vote->assume_hostile = assume == "hostile";
  reader.Read("agreement.floor", &vote->floor, Between(0, 1));
  reader.Read("it-signsgd.warmup_rounds", &vote->warmup_rounds);
  reader.Read("it-signsgd.llr_clip", &vote->llr_clip, Between(0.1, 15));
  std::string bits = "16";
  reader.ReadChoice("it-signsgd.counter_bits", &bits, {"8", "16"});
  vote->counter_bits = bits == "8" ? 8 : 16;
  reader.Read("it-signsgd.forget", &vote->forget, Between(0.5, 1));
  reader.Read("it-signsgd.prior", &vote->prior, Between(0, 10000));
  if (vote->prior > 0 && vote->prior < 1e-3) {
    reader.Fail("it-signsgd.prior", fmt::format("is {}: expected 0, or 0.001 to 10000", vote->prior));
  }
  std::string abstention = "half";
  reader.ReadChoice("it-signsgd.abstention", &abstention, {"half", "error"});
  vote->abstention_is_error = abstention == "error";
}

}  // namespace

absl::StatusOr<ServerOptions> LoadServerOptions(const std::string& path, const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(const Config config, Config::Load(path, overrides));
  ConfigReader reader(config);
  ServerOptions options;
  reader.Read("listen", &options.listen);
  reader.Read("admin.listen", &options.admin_listen);
  reader.Read("http.listen", &options.http_listen);
  if (options.http_listen == "off") options.http_listen.clear();
  reader.Read("http.insecure", &options.http_insecure);
  ReadTransport(&reader, &options.transport);
  reader.Read("reflection", &options.reflection);
  reader.Require("model", &options.model);
  reader.Require("directory", &options.directory);
  reader.Read("shard.count", &options.shard.count, Between(1, 65536));
  reader.Read("shard.index", &options.shard.index);
  if (options.shard.index >= options.shard.count) {
    reader.Fail("shard.index", fmt::format("is {}: shards count from 0, expected less than shard.count, {}",
                                           options.shard.index, options.shard.count));
  }
  reader.Read("seed", &options.seed, Below(uint64_t{1} << 56));
  reader.Read("threads", &options.threads, Between(0, 1024));
  ReadVote(reader, &options.vote);
  reader.Read("dither", &options.dither, Between(0, 100));
  ReadFraction(reader, &options.fraction);
  reader.Read("local_steps", &options.local_steps, Between(1, 1000));
  reader.Read("local_step_size", &options.local_step_size, Above(0));
  reader.Read("privacy.flip_probability", &options.flip_probability, Between(0, 0.49));
  if (options.flip_probability > 0 && options.dither == 0) {
    reader.Fail("privacy.flip_probability",
                fmt::format("is {} with dither 0: votes would abstain where the gradient is 0, which no flip hides; "
                            "set dither above 0",
                            options.flip_probability));
  }
  reader.Read("step.size", &options.step.size, Above(0));
  reader.ReadChoice("step.schedule", &options.step.schedule, {"constant", "inverse-sqrt", "cosine"});
  reader.Read("step.weight_decay", &options.step.weight_decay, AtLeast(0));
  reader.Read("rounds.total", &options.rounds.total, AtLeast(1));
  reader.Read("rounds.quorum", &options.rounds.quorum, AtLeast(1));
  reader.Read("rounds.deadline", &options.rounds.deadline);
  if (options.rounds.deadline <= absl::ZeroDuration()) {
    reader.Fail("rounds.deadline", "is 0s: expected a time above 0, such as 60s");
  }
  CheckAddress(reader, "listen", options.listen);
  CheckAddress(reader, "admin.listen", options.admin_listen);
  if (!options.http_listen.empty()) {
    CheckAddress(reader, "http.listen", options.http_listen);
    if (options.http_listen.starts_with("unix:"))
      reader.Fail("http.listen", "is a unix: address: expected HOST:PORT or off");
  }
  reader.Read("rounds.close_early", &options.rounds.close_early, Between(0, 1));
  reader.Read("rounds.max_staleness", &options.rounds.max_staleness, Between(0, 100));
  reader.Read("rounds.electorate", &options.rounds.electorate);
  reader.Read("rounds.voters", &options.rounds.voters);
  reader.Read("checkpoint.every", &options.checkpoint_every);
  reader.Read("checkpoint.keep", &options.checkpoint_keep, AtLeast(1));
  reader.ReadChoice("durability", &options.durability, {"ballots", "decisions", "none"});
  reader.Read("metrics.tensorboard", &options.tensorboard);
  reader.Read("labels", &options.labels);
  reader.ReadChoice("log", &options.log, {"trace", "debug", "info", "warn", "error"});
  if (const absl::Status status = CheckStep(options.step); !status.ok()) {
    reader.Fail("step.weight_decay", fmt::format("is {}: {}", options.step.weight_decay, Message(status)));
  }
  if (options.rounds.electorate > 0 && options.rounds.electorate < options.rounds.quorum) {
    reader.Fail("rounds.electorate", fmt::format("is {}: fewer than rounds.quorum, {}, so no round could close",
                                                 options.rounds.electorate, options.rounds.quorum));
  }
  if (options.rounds.voters > 0 && options.rounds.voters < options.rounds.quorum) {
    reader.Fail("rounds.voters", fmt::format("is {}: fewer than rounds.quorum, {}, so no round could close",
                                             options.rounds.voters, options.rounds.quorum));
  }
  RETURN_IF_ERROR(reader.Finish());
  options.effective = reader.Effective();
  // Not by spdlog: the log starts with the level that is read here.
  if (const std::string advice = StepAdvice(static_cast<float>(options.step.size)); !advice.empty()) {
    fmt::print(stderr, "signvote-server: {}\n", advice);
  }
  return options;
}

std::string EffectiveConfig(const ServerOptions& options, float step_size, const std::string& log) {
  YAML::Node config = YAML::Load(options.effective);
  if (step_size > 0) config["step"]["size"] = fmt::format("{}", step_size);
  config["log"] = log;
  return YAML::Dump(config) + "\n";
}

}  // namespace signvote
