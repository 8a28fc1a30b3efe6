// Strict YAML configuration: an unknown key, a wrong type or an impossible value is an INVALID_ARGUMENT that names
// file, line and key, what was found and what was expected. Overrides (`--set a.b=c`) are laid over the file first.
//
//   ASSIGN_OR_RETURN(Config config, Config::Load(path, overrides));
//   ConfigReader reader(config);
//   reader.Read("listen", &options.listen);                       // optional: keeps its default
//   reader.Require("model", &options.model);
//   reader.Read("rounds.total", &options.total, AtLeast(1));
//   reader.ReadChoice("role", &options.role, {"voter", "observer"});
//   RETURN_IF_ERROR(reader.Finish());                             // the first error, or the first key nobody asked for
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace signvote {

class Config {
 public:
  // NOT_FOUND / INVALID_ARGUMENT. Each override is "dotted.key=value" with value as YAML.
  static absl::StatusOr<Config> Load(const std::string& path, const std::vector<std::string>& overrides);
  static absl::StatusOr<Config> Parse(const std::string& text, const std::string& file_name,
                                      const std::vector<std::string>& overrides);

  const YAML::Node& root() const { return root_; }
  const std::string& file() const { return file_; }

 private:
  friend class ConfigReader;
  YAML::Node root_;
  std::string file_;
  std::set<std::string> overridden_;  // dotted keys that came from an override, for messages
};

// A condition on a number with the words that describe it: "at least 1".
template <typename T>
struct Check {
  std::function<bool(T)> holds;
  std::string expected;
};
Check<double> AtLeast(double low);
Check<double> Above(double low);
Check<double> Between(double low, double high);  // inclusive

class ConfigReader {
 public:
  explicit ConfigReader(const Config& config) : config_(config) {}

  // Each takes a dotted key. A key that is absent leaves `out` as it is. The first error is kept; later calls are
  // no-ops.
  void Read(const std::string& key, std::string* out);
  void Read(const std::string& key, bool* out);
  void Read(const std::string& key, std::vector<std::string>* out);
  void Read(const std::string& key, std::map<std::string, std::string>* out);
  void Read(const std::string& key, absl::Duration* out);  // "60s", "1m30s", "500ms"; must be >= 0
  void Read(const std::string& key, double* out, const Check<double>& check = {});
  void Read(const std::string& key, float* out, const Check<double>& check = {});
  void Read(const std::string& key, uint32_t* out, const Check<double>& check = {});
  void Read(const std::string& key, uint64_t* out, const Check<double>& check = {});
  void ReadChoice(const std::string& key, std::string* out, const std::vector<std::string>& choices);
  // As Read, and absent is an error.
  void Require(const std::string& key, std::string* out);

  bool Has(const std::string& key) const;
  // "FILE:LINE: KEY" (or "--set KEY") for errors that the caller finds later, e.g. two keys that contradict.
  std::string Where(const std::string& key) const;
  // Keeps "WHERE PROBLEM", for example with `is "5": expected at most rounds.total, 3`, if it is the first error.
  void Fail(const std::string& key, const std::string& problem);

  // All that was read, as YAML that reads the same again: what was given, and the defaults of what was not. Empty texts
  // that nobody gave are left out.
  std::string Effective() const;

  // The first error; else INVALID_ARGUMENT for the first key in the file that was not asked for, with the nearest known
  // key as a suggestion.
  absl::Status Finish();

 private:
  template <typename T>
  void ReadWhole(const std::string& key, T* out, const Check<double>& check);
  template <typename T>
  void ReadFloating(const std::string& key, T* out, const Check<double>& check);
  std::optional<YAML::Node> Ask(const std::string& key);  // nullopt: absent, or an error came before
  void Keep(const std::string& key, const YAML::Node& value);
  void Refuse(const std::string& key, const YAML::Node& value, const std::string& expected);
  absl::Status CheckAsked(const YAML::Node& section, const std::string& prefix,
                          const std::set<std::string>& known) const;

  const Config& config_;
  std::set<std::string> asked_;
  YAML::Node effective_{YAML::NodeType::Map};
  absl::Status status_;
};

}  // namespace signvote
