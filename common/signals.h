// SIGINT and SIGTERM as something to wait for.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace signvote {

// Blocks SIGINT and SIGTERM in the constructing thread (construct before any other thread starts) and calls
// `on_signal` from a thread of its own at each of them. One instance a process.
class SignalWatcher {
 public:
  explicit SignalWatcher(std::function<void(int signal)> on_signal);
  ~SignalWatcher();

 private:
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace signvote
