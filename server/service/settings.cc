#include "server/service/settings.h"

#include <algorithm>

#include "common/status.h"

namespace signvote {
namespace {

constexpr int kMostSettings = 32;
constexpr size_t kLongestKey = 64;
constexpr size_t kNamesTold = 5;

bool IsKey(const std::string& key) {
  return !key.empty() && key.size() <= kLongestKey &&
         std::all_of(key.begin(), key.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '.' || c == '_'; });
}

std::string NamesText(const std::vector<std::string>& names) {
  const size_t count = std::min(names.size(), kNamesTold);
  return fmt::format(" ({}{})", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                     count == names.size() ? "" : ", ...");
}

}  // namespace

absl::Status ValidateSettings(const v1::Join& join) {
  if (join.settings_size() > kMostSettings) {
    return InvalidArgument("client {} tells {} settings, expected at most {}", join.name(), join.settings_size(),
                           kMostSettings);
  }
  for (const auto& [key, value] : join.settings()) {
    if (!IsKey(key)) {
      return InvalidArgument("client {} tells a setting whose key is not 1 to {} of [a-z._]", join.name(), kLongestKey);
    }
  }
  return absl::OkStatus();
}

std::vector<SettingDifference> CompareSettings(const Client& client, const Registry& registry) {
  if (client.settings.empty()) return {};
  size_t alike = 0;
  std::map<std::string, SettingDifference> by_key;
  for (const auto& [name, other] : registry.clients()) {
    if (!other.IsConnected() || other.id == client.id) continue;
    if (other.settings == client.settings) {  // all others, as a rule
      ++alike;
      continue;
    }
    for (const auto& [key, value] : client.settings) {
      const auto theirs = other.settings.find(key);
      if (theirs == other.settings.end()) continue;
      SettingDifference& difference = by_key[key];
      ++difference.others;
      if (theirs->second != value) difference.unequal.push_back(name);
    }
  }
  std::vector<SettingDifference> differences;
  for (auto& [key, difference] : by_key) {
    if (difference.unequal.empty()) continue;
    difference.key = key;
    difference.others += alike;
    differences.push_back(std::move(difference));
  }
  return differences;
}

std::string DifferencesText(const std::vector<SettingDifference>& differences, bool with_names) {
  std::string text;
  for (const SettingDifference& each : differences) {
    text += fmt::format("{}{} is not that of {} of {} other client{}{}", text.empty() ? "" : "; ", each.key,
                        each.unequal.size(), each.others, each.others == 1 ? "" : "s",
                        with_names ? NamesText(each.unequal) : "");
  }
  return text;
}

}  // namespace signvote
