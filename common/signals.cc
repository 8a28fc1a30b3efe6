#include "common/signals.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace signvote {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

SignalWatcher::SignalWatcher(std::function<void(int signal)> on_signal) {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this, set, on_signal = std::move(on_signal)] {
    int signal = 0;
    while (sigwait(&set, &signal) == 0 && !stopping_) on_signal(signal);
  });
}

SignalWatcher::~SignalWatcher() {
  stopping_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);  // wakes sigwait; the signal goes to that thread alone
  thread_.join();
}

}  // namespace signvote
