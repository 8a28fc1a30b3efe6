#include "common/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <numeric>
#include <vector>

namespace signvote {
namespace {

class ThreadPoolOf : public testing::TestWithParam<size_t> {};

TEST_P(ThreadPoolOf, ParallelForCallsEachIndexOnce) {
  ThreadPool pool(GetParam());
  for (size_t count : {0u, 1u, 2u, 7u, 1000u}) {
    std::vector<std::atomic<int>> calls(count);
    pool.ParallelFor(count, [&](size_t i) { ++calls[i]; });
    for (const auto& call : calls) ASSERT_EQ(call.load(), 1);
  }
}

TEST_P(ThreadPoolOf, ParallelForMayBeCalledFromManyThreadsAtOnce) {
  ThreadPool pool(GetParam());
  std::atomic<size_t> sum{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) callers.emplace_back([&] { pool.ParallelFor(100, [&](size_t i) { sum += i; }); });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 4u * 4950u);
}

TEST_P(ThreadPoolOf, ParallelForEndsWhileThePoolIsBusyWithOtherWork) {
  std::latch release(1);
  std::atomic<int> calls{0};
  ThreadPool pool(GetParam());
  for (size_t i = 0; i < GetParam(); ++i) pool.Schedule([&] { release.wait(); });
  pool.ParallelFor(10, [&](size_t) { ++calls; });
  EXPECT_EQ(calls.load(), 10);
  release.count_down();
}

TEST_P(ThreadPoolOf, DestructionFinishesTheScheduledWork) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(GetParam());
    EXPECT_EQ(pool.threads(), GetParam());
    for (int i = 0; i < 100; ++i) pool.Schedule([&] { ++done; });
  }
  EXPECT_EQ(done.load(), 100);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolOf, testing::Values(1, 2, 8));

}  // namespace
}  // namespace signvote
