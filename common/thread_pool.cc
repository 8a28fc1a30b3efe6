#include "common/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

namespace signvote {
namespace {

// One ParallelFor, shared with helpers that may begin only after it has returned: those find no index left and never
// touch `body`.
struct Loop {
  const size_t count;
  const std::function<void(size_t)>* const body;
  std::atomic<size_t> next{0};

  std::mutex mu;
  std::condition_variable finished;
  size_t done = 0;  // guarded by mu

  Loop(size_t n, const std::function<void(size_t)>* function) : count(n), body(function) {}

  void Work() {
    size_t mine = 0;
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      (*body)(i);
      ++mine;
    }
    if (mine == 0) return;
    std::lock_guard<std::mutex> lock(mu);
    done += mine;
    if (done == count) finished.notify_all();
  }
};

}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) threads_.emplace_back([this] { Run(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mu_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Schedule(std::function<void()> work) {
  {
    std::lock_guard<std::mutex> lock(mu_);
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void ThreadPool::ParallelFor(size_t count, const std::function<void(size_t)>& body) {
  if (count == 0) return;
  auto loop = std::make_shared<Loop>(count, &body);
  for (size_t i = 0; i < std::min(threads_.size(), count - 1); ++i) Schedule([loop] { loop->Work(); });
  loop->Work();
  std::unique_lock<std::mutex> lock(loop->mu);
  loop->finished.wait(lock, [&] { return loop->done == loop->count; });
}

void ThreadPool::Run() {
  while (true) {
    std::function<void()> work;
    {
      std::unique_lock<std::mutex> lock(mu_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace signvote
