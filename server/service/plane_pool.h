// Planes that are used over and over: rounds follow each other with ballots of the same size, and taking hundreds of
// megabytes from the allocator and giving them back each time costs page faults, zeroing and fragmentation.
//
// Holds as many as were in use at once. Thread-safe; planes may outlive the pool.
#pragma once

#include <memory>
#include <vector>

#include "common/mutex.h"
#include "common/sign_vector.h"

namespace signvote {

class PlanePool {
 public:
  // Of unspecified contents and size. It comes back when the last owner lets go.
  std::shared_ptr<SignVector> Take() {
    std::unique_ptr<SignVector> planes;
    {
      MutexLock lock(free_->mu);
      if (!free_->planes.empty()) {
        planes = std::move(free_->planes.back());
        free_->planes.pop_back();
      }
    }
    if (!planes) planes = std::make_unique<SignVector>();
    return {planes.release(), [free = free_](SignVector* used) {
              MutexLock lock(free->mu);
              free->planes.emplace_back(used);
            }};
  }

 private:
  struct Free {
    Mutex mu;
    std::vector<std::unique_ptr<SignVector>> planes ABSL_GUARDED_BY(mu);
  };
  const std::shared_ptr<Free> free_ = std::make_shared<Free>();
};

}  // namespace signvote
