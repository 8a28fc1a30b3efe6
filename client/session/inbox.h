// What the client's main thread waits for, from any thread: messages, the end of a connection, evaluations, signals.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <variant>

#include "client/session/session.h"
#include "common/mutex.h"
#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

namespace event {
// `connection` is its number: what an abandoned one still says is not heard.
struct ConnectionOpened {
  uint64_t connection = 0;
};
struct MessageReceived {
  uint64_t connection = 0;
  v1::ServerMessage message;
};
struct ConnectionEnded {
  uint64_t connection = 0;
  absl::Status status;
};
struct EvaluationDone {
  action::Evaluate evaluation;
  absl::StatusOr<v1::Evaluation> result;  // INVALID_ARGUMENT: no round can be evaluated
};
struct StopRequested {};
}  // namespace event

using Event = std::variant<event::ConnectionOpened, event::MessageReceived, event::ConnectionEnded,
                           event::EvaluationDone, event::StopRequested>;

// Thread-safe.
class Inbox {
 public:
  // Messages that may wait; a reader that brings more is held up, and through it the server.
  static constexpr size_t kMessages = 64;

  void Post(Event event);
  // Waits while kMessages wait already; gives the message up when `cancelled` says so (call Wake after it changes).
  void PostMessage(event::MessageReceived message, const std::function<bool()>& cancelled);
  void Wake();
  // PostMessage waits for messages of these connections until they are held no more.
  void Hold(std::set<uint64_t> connections);

  // The oldest event; waits for one until `deadline`.
  std::optional<Event> Take(absl::Time deadline);
  std::optional<Event> TryTake() { return Take(absl::InfinitePast()); }

 private:
  Mutex mu_;
  CondVar changed_;
  std::deque<Event> events_ ABSL_GUARDED_BY(mu_);
  std::set<uint64_t> held_ ABSL_GUARDED_BY(mu_);
};

}  // namespace signvote
