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

  Mutex mu;
  CondVar finished;
  size_t done ABSL_GUARDED_BY(mu) = 0;

  Loop(size_t n, const std::function<void(size_t)>* function) : count(n), body(function) {}

  void Work() {
    size_t mine = 0;
    for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      (*body)(i);
      ++mine;
    }
    if (mine == 0) return;
    MutexLock lock(mu);
    done += mine;
    if (done == count) finished.NotifyAll();
  }
};

}  // namespace

ThreadPool::ThreadPool(size_t threads) {
  for (size_t i = 0; i < std::max<size_t>(threads, 1); ++i) threads_.emplace_back([this] { Run(); });
}

ThreadPool::~ThreadPool() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::Schedule(std::function<void()> work) {
  {
    MutexLock lock(mu_);
    queue_.push_back(std::move(work));
  }
  wake_.NotifyOne();
}

void ThreadPool::ParallelFor(size_t count, const std::function<void(size_t)>& body) {
  if (count == 0) return;
  auto loop = std::make_shared<Loop>(count, &body);
  for (size_t i = 0; i < std::min(threads_.size(), count - 1); ++i) Schedule([loop] { loop->Work(); });
  loop->Work();
  MutexLock lock(loop->mu);
  while (loop->done < loop->count) loop->finished.Wait(loop->mu);
}

void ThreadPool::Run() {
  while (true) {
    std::function<void()> work;
    {
      MutexLock lock(mu_);
      while (!stopping_ && queue_.empty()) wake_.Wait(mu_);
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace signvote
