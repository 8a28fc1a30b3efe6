#include "server/service/event_log.h"

#include <absl/time/clock.h>
#include <fmt/format.h>

#include <algorithm>

namespace signvote {
namespace {

bool IsToldOnceARound(v1::EventKind kind) {
  return kind == v1::STALE_BALLOT || kind == v1::LATE_BALLOT || kind == v1::REFUSED_BALLOT || kind == v1::DISAGREED;
}

bool IsOfRow(v1::EventKind kind) {
  return kind == v1::JOINED || kind == v1::REFUSED_JOIN || kind == v1::SETTINGS_DIFFER || kind == v1::LEFT_SESSION;
}

}  // namespace

void EventLog::GoOnWithRow(absl::Time now, v1::Event* event) {
  Row& row = rows_[{event->client(), event->kind()}];
  if (now - row.last <= kRowPause) {
    const auto last = std::partition_point(events_.begin(), events_.end(),
                                           [&](const v1::Event& other) { return other.id() < row.id; });
    if (last != events_.end() && last->id() == row.id) events_.erase(last);
    event->set_replaces(row.id);
    const std::string so_far = event->detail().empty() ? "" : event->detail() + "; ";
    event->set_detail(fmt::format("{}{} times in a row", so_far, ++row.count));
  } else {
    row.count = 1;
  }
  row.last = now;
  row.id = event->id();
}

bool EventLog::Add(absl::Time now, v1::EventKind kind, const std::string& client, uint64_t round, std::string detail) {
  MutexLock lock(mu_);
  if (IsToldOnceARound(kind)) {
    const auto [told, is_first] = told_.try_emplace({client, kind}, round);
    if (!is_first && told->second == round) return false;
    told->second = round;
  }
  v1::Event event;
  event.set_id(++last_id_);
  event.set_unix_seconds(static_cast<double>(absl::ToUnixMicros(now)) / 1e6);
  event.set_kind(kind);
  event.set_client(client);
  event.set_round(round);
  event.set_detail(std::move(detail));
  if (IsOfRow(kind)) GoOnWithRow(now, &event);
  const bool is_news = event.replaces() == 0;
  events_.push_back(std::move(event));
  if (events_.size() > kEvents) events_.pop_front();
  added_.NotifyAll();
  return is_news;
}

std::vector<v1::Event> EventLog::AfterLocked(uint64_t after) const {
  const auto first = std::partition_point(events_.begin(), events_.end(),
                                          [after](const v1::Event& event) { return event.id() <= after; });
  return {first, events_.end()};
}

std::vector<v1::Event> EventLog::After(uint64_t after) const {
  MutexLock lock(mu_);
  return AfterLocked(after);
}

std::vector<v1::Event> EventLog::WaitAfter(uint64_t after, absl::Duration limit) const {
  const absl::Time deadline = absl::Now() + limit;
  MutexLock lock(mu_);
  while ((events_.empty() || events_.back().id() <= after) && absl::Now() < deadline) added_.WaitUntil(mu_, deadline);
  return AfterLocked(after);
}

}  // namespace signvote
