#include "client/session/inbox.h"

#include <absl/time/clock.h>

#include <utility>

namespace signvote {

void Inbox::Post(Event event) {
  {
    const MutexLock lock(mu_);
    events_.push_back(std::move(event));
  }
  changed_.NotifyAll();
}

void Inbox::PostMessage(event::MessageReceived message, const std::function<bool()>& cancelled) {
  {
    const MutexLock lock(mu_);
    while ((events_.size() >= kMessages || held_.contains(message.connection)) && !cancelled()) changed_.Wait(mu_);
    if (cancelled()) return;
    events_.push_back(std::move(message));
  }
  changed_.NotifyAll();
}

void Inbox::Wake() {
  { const MutexLock lock(mu_); }
  changed_.NotifyAll();
}

void Inbox::Hold(std::set<uint64_t> connections) {
  {
    const MutexLock lock(mu_);
    if (held_ == connections) return;
    held_ = std::move(connections);
  }
  changed_.NotifyAll();
}

std::optional<Event> Inbox::Take(absl::Time deadline) {
  const MutexLock lock(mu_);
  while (events_.empty() && absl::Now() < deadline) changed_.WaitUntil(mu_, deadline);
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  if (events_.size() >= kMessages) changed_.NotifyAll();
  events_.pop_front();
  return event;
}

}  // namespace signvote
