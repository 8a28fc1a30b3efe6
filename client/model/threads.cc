#include "client/model/threads.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <torch/script.h>

namespace signvote {

void StartTorch(uint32_t threads) {
  torch::jit::getProfilingMode() = false;
  torch::jit::getExecutorMode() = false;
  at::set_num_threads(static_cast<int>(threads));
  // OpenBLAS reads its environment when it is loaded, before main; and another BLAS may stand in its place.
  using SetThreads = void (*)(int);
  if (auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(static_cast<int>(threads));
  }
}

}  // namespace signvote
