#include "server/store/round_config.h"

#include <charconv>
#include <map>
#include <type_traits>

#include "common/status.h"

namespace signvote {
namespace {

// The one list of fields and their order, for writing and for reading.
template <typename Config, typename Visit>
void ForEachField(Config& config, Visit visit) {
  visit("rule", config.vote.rule);
  visit("carry", config.vote.carry);
  visit("dither", config.dither);
  visit("fraction", config.fraction);
  visit("seed", config.seed);
  visit("assume_hostile", config.vote.assume_hostile);
  visit("floor", config.vote.floor);
  visit("warmup_rounds", config.vote.warmup_rounds);
  visit("llr_clip", config.vote.llr_clip);
  visit("counter_bits", config.vote.counter_bits);
  visit("forget", config.vote.forget);
  visit("prior", config.vote.prior);
  visit("abstention_is_error", config.vote.abstention_is_error);
}

bool Parse(std::string_view text, std::string* out) {
  *out = text;
  return true;
}

bool Parse(std::string_view text, bool* out) {
  *out = text == "true";
  return text == "true" || text == "false";
}

template <typename T>
requires std::is_arithmetic_v<T>
bool Parse(std::string_view text, T* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

using Values = std::map<std::string, std::string, std::less<>>;

// "a=1 b=2"; a word without "=" has an empty value. False when a key is repeated.
bool Split(std::string_view text, Values* values) {
  bool is_unique = true;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view value = word.substr(std::min(word.size(), equals + 1));
    is_unique &= values->emplace(word.substr(0, equals), value).second;
  }
  return is_unique;
}

}  // namespace

std::string Canonical(const RoundConfig& config) {
  std::string text;
  ForEachField(config, [&](const char* key, const auto& value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  });
  return text;
}

absl::StatusOr<RoundConfig> ParseCanonical(std::string_view text) {
  Values values;
  if (!Split(text, &values)) return InvalidArgument("the run's configuration names a key twice: {}", text);
  RoundConfig config;
  absl::Status status;
  ForEachField(config, [&](const char* key, auto& field) {
    const auto found = values.find(key);
    if (found == values.end()) {
      status = InvalidArgument("the run's configuration lacks {}: {}", key, text);
    } else if (!Parse(found->second, &field)) {
      status = InvalidArgument("the run's configuration has {}={}, which is no value for it", key, found->second);
    }
    if (found != values.end()) values.erase(found);
  });
  RETURN_IF_ERROR(status);
  if (!values.empty()) {
    return InvalidArgument(
        "the run's configuration has {}, which this program does not know: use the one that wrote it",
        values.begin()->first);
  }
  return config;
}

std::string DifferenceOf(std::string_view recorded, std::string_view given) {
  Values run, configuration;
  if (!Split(recorded, &run) || !Split(given, &configuration)) {
    return fmt::format("the run has \"{}\", the configuration \"{}\"", recorded, given);
  }
  std::string text;
  auto add = [&](const std::string& key, const std::string& in_run, const std::string& in_configuration) {
    text += fmt::format("{}{} is {} in the run, {} in the configuration", text.empty() ? "" : "; ", key, in_run,
                        in_configuration);
  };
  for (const auto& [key, value] : run) {
    const auto found = configuration.find(key);
    if (found == configuration.end()) {
      add(key, value, "not there");
    } else if (found->second != value) {
      add(key, value, found->second);
    }
  }
  for (const auto& [key, value] : configuration) {
    if (!run.contains(key)) add(key, "not there", value);
  }
  return text;
}

}  // namespace signvote
