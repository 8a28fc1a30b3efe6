#include "client/session/inbox.h"

#include <utility>

namespace signvote {

void Inbox::Post(Event event) {
  {
    const std::lock_guard lock(mu_);
    events_.push_back(std::move(event));
  }
  changed_.notify_all();
}

void Inbox::PostMessage(event::MessageReceived message, const std::function<bool()>& cancelled) {
  {
    std::unique_lock lock(mu_);
    changed_.wait(lock,
                  [&] { return (events_.size() < kMessages && !held_.contains(message.connection)) || cancelled(); });
    if (cancelled()) return;
    events_.push_back(std::move(message));
  }
  changed_.notify_all();
}

void Inbox::Wake() {
  { const std::lock_guard lock(mu_); }
  changed_.notify_all();
}

void Inbox::Hold(std::set<uint64_t> connections) {
  {
    const std::lock_guard lock(mu_);
    if (held_ == connections) return;
    held_ = std::move(connections);
  }
  changed_.notify_all();
}

std::optional<Event> Inbox::Take(absl::Time deadline) {
  std::unique_lock lock(mu_);
  const auto ready = [this] { return !events_.empty(); };
  if (deadline == absl::InfiniteFuture()) {
    changed_.wait(lock, ready);
  } else if (deadline != absl::InfinitePast()) {
    changed_.wait_until(lock, absl::ToChronoTime(deadline), ready);
  }
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  const bool was_full = events_.size() >= kMessages;
  events_.pop_front();
  lock.unlock();
  if (was_full) changed_.notify_all();
  return event;
}

}  // namespace signvote
