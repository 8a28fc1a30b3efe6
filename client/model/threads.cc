#include "client/model/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/script.h>

namespace signvote {
namespace {

// A function of the BLAS that is loaded; null where it is another than OpenBLAS.
template <typename Function>
Function* FindInOpenBlas(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// OpenBLAS starts its threads when it is loaded, before main: they take signals that the rest of the process has
// blocked, and die of them with it. Ended here, they start again with the signal mask of this thread.
void SetOpenBlasThreads(int threads) {
  auto* shut_down = FindInOpenBlas<int()>("blas_thread_shutdown_");
  auto* set = FindInOpenBlas<void(int)>("openblas_set_num_threads");
  if (shut_down != nullptr) shut_down();
  if (set != nullptr) set(threads);
}

}  // namespace

void StartTorch(uint32_t threads) {
  torch::jit::getProfilingMode() = false;
  torch::jit::getExecutorMode() = false;
  at::set_num_threads(static_cast<int>(threads));
  SetOpenBlasThreads(static_cast<int>(threads));
}

}  // namespace signvote
