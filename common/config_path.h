// What Config and ConfigReader share: dotted keys in a YAML tree, and the words about them in messages.
#pragma once

#include <yaml-cpp/yaml.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace signvote {

struct ConfigEntry {
  YAML::Node key;  // knows its line
  YAML::Node value;
};

// The entries on the way to a dotted key, its own last; empty where it is absent.
std::vector<ConfigEntry> PathTo(const YAML::Node& root, std::string_view key);

// "FILE:LINE"; an override, "--set KEY", has no lines.
std::string At(const std::string& file, const YAML::Mark& mark);

// The value in the words of a message: its text in quotes, "a list", "a section" or "empty".
std::string Describe(const YAML::Node& value);

// `; did you mean "NEAREST"?`, or nothing where no known key is near.
std::string Suggestion(const std::string& key, const std::set<std::string>& known);

}  // namespace signvote
