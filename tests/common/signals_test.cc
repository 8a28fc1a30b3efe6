#include "common/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <future>

namespace signvote {
namespace {

TEST(SignalWatcher, CallsForInterruptAndTermination) {
  for (int signal : {SIGINT, SIGTERM}) {
    std::promise<int> seen;
    SignalWatcher watcher([&](int received) { seen.set_value(received); });
    ASSERT_EQ(::kill(::getpid(), signal), 0);
    EXPECT_EQ(seen.get_future().get(), signal);
  }
}

TEST(SignalWatcher, EndsWithoutACallWhenNoSignalCame) {
  bool called = false;
  {
    SignalWatcher watcher([&](int) { called = true; });
  }
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace signvote
