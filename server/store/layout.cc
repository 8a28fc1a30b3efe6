#include "server/store/layout.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/status.h"

namespace signvote {
namespace {

constexpr std::string_view kPrefix = "round-";
constexpr std::string_view kSegmentSuffix = ".log";

std::optional<uint64_t> ParseRound(std::string_view name, std::string_view suffix) {
  if (!name.starts_with(kPrefix) || !name.ends_with(suffix) || name.size() < kPrefix.size() + suffix.size()) return {};
  const std::string_view digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - suffix.size());
  uint64_t round = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), round);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return {};
  return round;
}

absl::StatusOr<std::vector<std::string>> ListIfThere(Disk& disk, const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = disk.List(directory);
  if (absl::IsNotFound(names.status())) return std::vector<std::string>();
  return names;
}

absl::StatusOr<std::vector<uint64_t>> ListRounds(Disk& disk, const std::string& directory, std::string_view suffix) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListIfThere(disk, directory));
  std::vector<uint64_t> rounds;
  for (const std::string& name : names) {
    if (const std::optional<uint64_t> round = ParseRound(name, suffix)) rounds.push_back(*round);
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds;
}

}  // namespace

std::string CheckpointsDirectory(const std::string& directory) { return directory + "/checkpoints"; }
std::string JournalDirectory(const std::string& directory) { return directory + "/journal"; }
std::string CheckpointPath(const std::string& directory, uint64_t round) {
  return fmt::format("{}/{}{:08}", CheckpointsDirectory(directory), kPrefix, round);
}
std::string SegmentPath(const std::string& directory, uint64_t after_round) {
  return fmt::format("{}/{}{:08}{}", JournalDirectory(directory), kPrefix, after_round, kSegmentSuffix);
}

absl::StatusOr<Layout> ReadLayout(Disk& disk, const std::string& directory) {
  Layout layout;
  ASSIGN_OR_RETURN(layout.checkpoints, ListRounds(disk, CheckpointsDirectory(directory), ""));
  ASSIGN_OR_RETURN(layout.segments, ListRounds(disk, JournalDirectory(directory), kSegmentSuffix));
  return layout;
}

size_t CoveringSegment(const Layout& layout, uint64_t round) {
  const auto after = std::upper_bound(layout.segments.begin(), layout.segments.end(), round);
  return after == layout.segments.begin() ? layout.segments.size()
                                          : static_cast<size_t>(after - layout.segments.begin()) - 1;
}

absl::Status TidyUp(Disk& disk, const std::string& directory) {
  for (const std::string& place : {CheckpointsDirectory(directory), JournalDirectory(directory)}) {
    ASSIGN_OR_RETURN(const std::vector<std::string> names, ListIfThere(disk, place));
    bool changed = false;
    for (const std::string& name : names) {
      if (name.ends_with(kReplaced)) {
        const std::string original = name.substr(0, name.size() - std::string_view(kReplaced).size());
        const bool is_replaced = std::find(names.begin(), names.end(), original) != names.end();
        RETURN_IF_ERROR(is_replaced ? RemoveTree(disk, place + "/" + name)
                                    : disk.Rename(place + "/" + name, place + "/" + original));
        changed = true;
      } else if (name.ends_with(kTemporary)) {
        RETURN_IF_ERROR(RemoveTree(disk, place + "/" + name));
        changed = true;
      }
    }
    if (changed) RETURN_IF_ERROR(disk.SyncDirectory(place));
  }
  return absl::OkStatus();
}

absl::Status RemoveTree(Disk& disk, const std::string& path) {
  absl::StatusOr<std::vector<std::string>> names = disk.List(path);
  if (names.ok()) {
    for (const std::string& name : *names) RETURN_IF_ERROR(RemoveTree(disk, path + "/" + name));
  }
  return disk.Remove(path);
}

}  // namespace signvote
