#include "server/service/settings.h"

#include <algorithm>

#include "common/status.h"
#include "server/service/names_text.h"

namespace signvote {
namespace {

constexpr int kMostSettings = 32;
constexpr size_t kLongestKey = 64;

bool IsKey(const std::string& key) {
  return !key.empty() && key.size() <= kLongestKey &&
         std::all_of(key.begin(), key.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '.' || c == '_'; });
}

// A key that some of the other clients that are connected have otherwise.
struct Difference {
  size_t alike = 0;                  // others with the same value
  std::vector<std::string> unequal;  // others with another
};

std::map<std::string, Difference> Compare(const Client& client, const Registry& registry) {
  size_t alike = 0;
  std::map<std::string, Difference> differences;
  for (const auto& [name, other] : registry.clients()) {
    if (!other.IsConnected() || other.id == client.id) continue;
    if (other.settings == client.settings) {  // all others, as a rule
      ++alike;
      continue;
    }
    for (const auto& [key, value] : client.settings) {
      const auto theirs = other.settings.find(key);
      if (theirs == other.settings.end()) continue;
      Difference& difference = differences[key];
      if (theirs->second == value) {
        ++difference.alike;
      } else {
        difference.unequal.push_back(name);
      }
    }
  }
  std::erase_if(differences, [](const auto& each) { return each.second.unequal.empty(); });
  for (auto& [key, difference] : differences) difference.alike += alike;
  return differences;
}

// "data.mean is not that of 2 of 5 other clients".
std::string Text(const std::string& key, size_t unequal, size_t others) {
  return fmt::format("{} is not that of {} of {} other client{}", key, unequal, others, others == 1 ? "" : "s");
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

SettingsVerdict JudgeSettings(const Client& client, const Registry& registry) {
  SettingsVerdict verdict;
  if (client.settings.empty()) return verdict;
  std::string named;
  for (const auto& [key, difference] : Compare(client, registry)) {
    const size_t unequal = difference.unequal.size(), with_it = difference.alike + 1;
    const size_t others = difference.alike + unequal;
    if (with_it <= unequal) {
      const std::string text = Text(key, unequal, others);
      const char* separator = named.empty() ? "" : "; ";
      verdict.warning += separator + text;
      named += separator + text + " (" + NamesText(difference.unequal) + ")";
    } else if (with_it == unequal + 1) {
      for (const std::string& name : difference.unequal) verdict.events.emplace_back(name, Text(key, with_it, others));
    }
  }
  if (!named.empty()) verdict.events.emplace_back(client.name, named);
  return verdict;
}

}  // namespace signvote
