#include "common/config_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace signvote {
namespace {

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string_view LastName(std::string_view key) { return key.substr(key.rfind('.') + 1); }

}  // namespace

std::vector<ConfigEntry> PathTo(const YAML::Node& root, std::string_view key) {
  std::vector<ConfigEntry> path;
  while (true) {
    const size_t dot = key.find('.');
    const std::string_view name = key.substr(0, dot);
    const YAML::Node section = path.empty() ? root : path.back().value;
    if (!section.IsMap()) return {};
    bool found = false;
    for (const auto& pair : section) {
      if (pair.first.Scalar() != name) continue;
      path.push_back({pair.first, pair.second});
      found = true;
      break;
    }
    if (!found) return {};
    if (dot == std::string_view::npos) return path;
    key.remove_prefix(dot + 1);
  }
}

std::string At(const std::string& file, const YAML::Mark& mark) {
  return file.starts_with("--set ") ? file : fmt::format("{}:{}", file, mark.line + 1);
}

std::string Describe(const YAML::Node& value) {
  switch (value.Type()) {
    case YAML::NodeType::Scalar:
      return fmt::format("\"{}\"", value.Scalar());
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a section";
    default:
      return "empty";
  }
}

std::string Suggestion(const std::string& key, const std::set<std::string>& known) {
  std::string nearest;
  size_t least = std::max<size_t>(2, LastName(key).size() / 3) + 1;
  for (const std::string& candidate : known) {
    const size_t elsewhere = EditDistance(LastName(key), LastName(candidate)) + 1;  // right name, wrong section
    const size_t distance = std::min(EditDistance(key, candidate), elsewhere);
    if (distance < least) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest);
}

}  // namespace signvote
