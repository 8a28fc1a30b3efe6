// A fixed set of threads for work over blocks.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/mutex.h"

namespace signvote {

// Thread-safe. Destruction finishes the scheduled work first.
class ThreadPool {
 public:
  explicit ThreadPool(size_t threads);  // >= 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  size_t threads() const { return threads_.size(); }
  void Schedule(std::function<void()> work);
  // Calls body(i) for i in [0, count), on the pool and on the caller's thread; returns when all are done. The order is
  // unspecified: results must not depend on it. Not to be called from work of this pool.
  void ParallelFor(size_t count, const std::function<void(size_t)>& body);

 private:
  void Run();

  Mutex mu_;
  CondVar wake_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace signvote
