#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "common/config.h"
#include "common/config_path.h"
#include "common/status.h"

namespace signvote {
namespace {

template <typename T>
std::errc ParseWhole(std::string_view text, T* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  if (error != std::errc()) return error;
  return end == text.data() + text.size() ? std::errc() : std::errc::invalid_argument;
}

// The keys that were asked for, and the sections that they lie in.
std::set<std::string> WithSections(const std::set<std::string>& asked) {
  std::set<std::string> known = asked;
  for (const std::string& key : asked) {
    for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', dot + 1))
      known.insert(key.substr(0, dot));
  }
  return known;
}

}  // namespace

Check<double> AtLeast(double low) {
  return {[low](double value) { return value >= low; }, fmt::format("at least {}", low)};
}

Check<double> Above(double low) {
  return {[low](double value) { return value > low; }, fmt::format("above {}", low)};
}

Check<double> Between(double low, double high) {
  return {[low, high](double value) { return value >= low && value <= high; }, fmt::format("from {} to {}", low, high)};
}

std::optional<YAML::Node> ConfigReader::Ask(const std::string& key) {
  asked_.insert(key);
  if (!status_.ok()) return std::nullopt;
  const std::vector<ConfigEntry> path = PathTo(config_.root(), key);
  if (path.empty()) return std::nullopt;
  return path.back().value;
}

void ConfigReader::Refuse(const std::string& key, const YAML::Node& value, const std::string& expected) {
  Fail(key, fmt::format("is {}: expected {}", Describe(value), expected));
}

void ConfigReader::Keep(const std::string& key, const YAML::Node& value) {
  YAML::Node section = effective_;
  size_t begin = 0;
  for (size_t dot = key.find('.'); dot != std::string::npos; dot = key.find('.', begin)) {
    section.reset(section[key.substr(begin, dot - begin)]);
    begin = dot + 1;
  }
  section[key.substr(begin)] = value;
}

std::string ConfigReader::Effective() const { return YAML::Dump(effective_) + "\n"; }

void ConfigReader::Read(const std::string& key, std::string* out) {
  const std::optional<YAML::Node> value = Ask(key);
  if (value && !value->IsScalar()) return Refuse(key, *value, "a text");
  if (value) *out = value->Scalar();
  if (value || !out->empty()) Keep(key, YAML::Node(*out));
}

void ConfigReader::Require(const std::string& key, std::string* out) {
  Read(key, out);
  if (status_.ok() && !Has(key)) Fail(key, fmt::format("is missing: add it, or pass --set {}=VALUE", key));
}

void ConfigReader::Read(const std::string& key, bool* out) {
  const std::optional<YAML::Node> value = Ask(key);
  if (value && (!value->IsScalar() || (value->Scalar() != "true" && value->Scalar() != "false")))
    return Refuse(key, *value, "true or false");
  if (value) *out = value->Scalar() == "true";
  Keep(key, YAML::Node(*out ? "true" : "false"));
}

void ConfigReader::Read(const std::string& key, std::vector<std::string>* out) {
  const std::optional<YAML::Node> value = Ask(key);
  if (!value) return out->empty() ? void() : Keep(key, YAML::Node(*out));
  if (!value->IsSequence()) return Refuse(key, *value, "a list such as [a, b]");
  std::vector<std::string> texts;
  for (const auto& element : *value) {
    if (!element.IsScalar()) return Fail(key, fmt::format("holds {}: expected a list of texts", Describe(element)));
    texts.push_back(element.Scalar());
  }
  *out = std::move(texts);
  Keep(key, YAML::Node(*out));
}

void ConfigReader::Read(const std::string& key, std::map<std::string, std::string>* out) {
  const std::optional<YAML::Node> value = Ask(key);
  if (!value || value->IsNull()) return out->empty() ? void() : Keep(key, YAML::Node(*out));
  if (!value->IsMap()) return Refuse(key, *value, "a section of names and texts");
  std::map<std::string, std::string> texts;
  for (const auto& pair : *value) {
    const std::string& name = pair.first.Scalar();
    if (!pair.second.IsScalar()) return Refuse(key + "." + name, pair.second, "a text");
    texts[name] = pair.second.Scalar();
  }
  *out = std::move(texts);
  Keep(key, YAML::Node(*out));
}

void ConfigReader::Read(const std::string& key, absl::Duration* out) {
  const std::optional<YAML::Node> value = Ask(key);
  absl::Duration duration = *out;
  if (value && (!value->IsScalar() || !absl::ParseDuration(value->Scalar(), &duration) ||
                duration < absl::ZeroDuration() || duration == absl::InfiniteDuration())) {
    return Refuse(key, *value, "a duration such as 500ms, 60s or 1m30s");
  }
  *out = duration;
  Keep(key, YAML::Node(absl::FormatDuration(duration)));
}

template <typename T>
void ConfigReader::ReadWhole(const std::string& key, T* out, const Check<double>& check) {
  const std::optional<YAML::Node> value = Ask(key);
  if (!value) return Keep(key, YAML::Node(fmt::format("{}", *out)));
  const std::string range = check.expected.empty() ? "at least 0" : check.expected;
  T number = 0;
  const std::errc error = value->IsScalar() ? ParseWhole(value->Scalar(), &number) : std::errc::invalid_argument;
  if (error == std::errc::result_out_of_range)
    return Refuse(key, *value, fmt::format("a whole number, at most {}", std::numeric_limits<T>::max()));
  if (error != std::errc() || (check.holds && !check.holds(static_cast<double>(number))))
    return Refuse(key, *value, "a whole number, " + range);
  *out = number;
  Keep(key, YAML::Node(fmt::format("{}", number)));
}

template <typename T>
void ConfigReader::ReadFloating(const std::string& key, T* out, const Check<double>& check) {
  const std::optional<YAML::Node> value = Ask(key);
  if (!value) return Keep(key, YAML::Node(fmt::format("{}", *out)));
  double number = 0;
  const bool parsed = value->IsScalar() && ParseWhole(value->Scalar(), &number) == std::errc();
  const T rounded = static_cast<T>(number);
  const bool representable = std::isfinite(rounded) && (rounded != 0 || number == 0);
  if (!parsed || !representable || (check.holds && !check.holds(number)))
    return Refuse(key, *value, check.expected.empty() ? "a number" : "a number, " + check.expected);
  *out = rounded;
  Keep(key, YAML::Node(fmt::format("{}", rounded)));
}

void ConfigReader::Read(const std::string& key, double* out, const Check<double>& check) {
  ReadFloating(key, out, check);
}
void ConfigReader::Read(const std::string& key, float* out, const Check<double>& check) {
  ReadFloating(key, out, check);
}
void ConfigReader::Read(const std::string& key, uint32_t* out, const Check<double>& check) {
  ReadWhole(key, out, check);
}
void ConfigReader::Read(const std::string& key, uint64_t* out, const Check<double>& check) {
  ReadWhole(key, out, check);
}

void ConfigReader::ReadChoice(const std::string& key, std::string* out, const std::vector<std::string>& choices) {
  const std::optional<YAML::Node> value = Ask(key);
  if (!value) return Keep(key, YAML::Node(*out));
  for (const std::string& choice : choices) {
    if (!value->IsScalar() || value->Scalar() != choice) continue;
    *out = choice;
    return Keep(key, YAML::Node(*out));
  }
  Refuse(key, *value, fmt::format("one of {}", fmt::join(choices, ", ")));
}

bool ConfigReader::Has(const std::string& key) const { return !PathTo(config_.root(), key).empty(); }

std::string ConfigReader::Where(const std::string& key) const {
  for (size_t dot = key.find('.');; dot = key.find('.', dot + 1)) {
    if (config_.overridden_.contains(key.substr(0, dot))) return "--set " + key;
    if (dot == std::string::npos) break;
  }
  const std::vector<ConfigEntry> path = PathTo(config_.root(), key);
  if (path.empty()) return fmt::format("{}: {}", config_.file(), key);
  const YAML::Mark mark = path.back().key.Mark();
  if (mark.is_null()) return "--set " + key;  // a section that an override made
  return fmt::format("{}: {}", At(config_.file(), mark), key);
}

void ConfigReader::Fail(const std::string& key, const std::string& problem) {
  if (status_.ok()) status_ = InvalidArgument("{} {}", Where(key), problem);
}

absl::Status ConfigReader::Finish() {
  if (status_.ok()) status_ = CheckAsked(config_.root(), "", WithSections(asked_));
  return status_;
}

absl::Status ConfigReader::CheckAsked(const YAML::Node& section, const std::string& prefix,
                                      const std::set<std::string>& known) const {
  for (const auto& pair : section) {
    const std::string& name = pair.first.Scalar();
    const std::string key = prefix + name;
    const bool dotted = name.find('.') != std::string::npos;  // `a.b: c` in the file is not `a: {b: c}`
    if (dotted || !known.contains(key)) {
      const std::string suggestion = Suggestion(key, known);
      if (pair.first.Mark().is_null()) return InvalidArgument("--set {}: unknown key{}", key, suggestion);
      return InvalidArgument("{}: unknown key \"{}\"{}", At(config_.file(), pair.first.Mark()), key, suggestion);
    }
    if (asked_.contains(key) || pair.second.IsNull()) continue;
    if (!pair.second.IsMap()) {
      return InvalidArgument("{} is {}: expected a section with keys such as {}", Where(key), Describe(pair.second),
                             *asked_.lower_bound(key + "."));
    }
    RETURN_IF_ERROR(CheckAsked(pair.second, key + ".", known));
  }
  return absl::OkStatus();
}

}  // namespace signvote
