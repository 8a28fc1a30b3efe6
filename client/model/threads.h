// LibTorch's settings for a process that shares its machine with others.
#pragma once

#include <cstdint>

namespace signvote {

// Before any model is loaded: LibTorch, OpenMP and OpenBLAS compute with this many threads, and TorchScript runs
// without its profiling executor (the first steps are faster, and shapes may vary).
void StartTorch(uint32_t threads);

}  // namespace signvote
