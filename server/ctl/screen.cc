#include "server/ctl/screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "server/ctl/format.h"
#include "server/ctl/merge.h"
#include "server/ctl/render.h"

namespace signvote::ctl {
namespace {

constexpr size_t kSuspects = 4;   // explained at most
constexpr size_t kFewEvents = 3;  // get room before clients do

using Lines = std::vector<ScreenLine>;

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Lines Head(const Scene& scene, const ScreenSize& size, absl::Time now, absl::TimeZone zone) {
  Lines lines;
  std::string title =
      fmt::format(" signvote  {}  {}", fmt::join(scene.servers, ", "), absl::FormatTime("%H:%M:%S", now, zone));
  title.resize(std::max(title.size(), size.columns), ' ');
  lines.push_back({title, Style::kTitle});
  if (!scene.problem.empty()) lines.push_back({scene.problem, Style::kBad});
  if (scene.shards.empty()) return lines;
  const v1::RunStatus merged = MergeStatus(scene.shards);
  for (const std::string& line : RenderWatch(merged, size.columns)) {
    lines.push_back({line, line.starts_with("problem") ? Style::kBad : Style::kPlain});
  }
  if (scene.shards.size() > 1) {
    lines.push_back({});
    for (const std::string& line : Split(RenderShards(scene.servers, scene.shards))) lines.push_back({line});
    lines[lines.size() - scene.shards.size() - 1].style = Style::kHeading;
  }
  return lines;
}

Lines Suspects(const Scene& scene) {
  Lines lines;
  size_t more = 0;
  for (const v1::ClientSummary& client : scene.clients.clients()) {
    if (client.explanation().empty() || client.evicted()) continue;
    lines.size() < kSuspects ? lines.push_back({client.explanation(), Style::kWarning}) : void(++more);
  }
  if (more > 0) lines.push_back({fmt::format("and {} more are suspected", more), Style::kWarning});
  if (!lines.empty()) lines.insert(lines.begin(), ScreenLine{});
  return lines;
}

Style StyleOf(const v1::ClientSummary& client) {
  if (client.evicted() || !client.connected()) return Style::kQuiet;
  return client.suspicion() != v1::NO_SUSPICION || client.different() ? Style::kWarning : Style::kPlain;
}

// At most `rows` lines, the heading among them; `hidden` tells which of them, where some do not fit.
Lines Clients(const Scene& scene, size_t rows, std::string* hidden) {
  const auto& clients = scene.clients.clients();
  if (clients.empty() || rows < 3) return {};
  const std::vector<std::string> table = Split(RenderClients(scene.clients));
  Lines lines = {{}, {table[0], Style::kHeading}};
  const size_t count = static_cast<size_t>(clients.size());
  const size_t shown = std::min(count, rows - 2);
  const size_t first = std::min(scene.scroll, count - shown);
  for (size_t i = first; i < first + shown; ++i) {
    lines.push_back({table[i + 1], StyleOf(clients[static_cast<int>(i)])});
  }
  if (shown < count) *hidden = fmt::format("; clients {} to {} of {}", first + 1, first + shown, count);
  return lines;
}

bool IsWarning(v1::EventKind kind) {
  return kind == v1::SUSPECTED || kind == v1::SETTINGS_DIFFER || kind == v1::REFUSED_JOIN;
}

Lines Events(const Scene& scene, size_t rows, absl::TimeZone zone) {
  if (scene.events.empty() || rows < 2) return {};
  Lines lines = {{}};
  const size_t shown = std::min(scene.events.size(), rows - 1);
  for (auto event = scene.events.end() - static_cast<std::ptrdiff_t>(shown); event != scene.events.end(); ++event) {
    lines.push_back({RenderEvent(*event, zone), IsWarning(event->kind()) ? Style::kWarning : Style::kQuiet});
  }
  return lines;
}

void Append(Lines* lines, Lines more) { std::move(more.begin(), more.end(), std::back_inserter(*lines)); }

}  // namespace

std::vector<ScreenLine> RenderScreen(const Scene& scene, const ScreenSize& size, absl::Time now, absl::TimeZone zone) {
  Lines lines = Head(scene, size, now, zone);
  Append(&lines, Suspects(scene));
  std::string hidden;
  const auto left = [&] { return size.rows - std::min(size.rows, lines.size() + 1); };  // but for the last line
  const size_t few = std::min(scene.events.size(), kFewEvents) + 1;
  Append(&lines, Clients(scene, left() - std::min(left(), few), &hidden));
  Append(&lines, Events(scene, left(), zone));
  lines.resize(size.rows - std::min<size_t>(size.rows, 1));
  lines.push_back({"q quits, arrows scroll" + hidden, Style::kQuiet});
  for (ScreenLine& line : lines) line.text = Truncate(Printable(std::move(line.text)), size.columns);
  return lines;
}

}  // namespace signvote::ctl
