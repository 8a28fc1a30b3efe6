// LibTorch's settings for a process that shares its machine with others.
#pragma once

#include <cstdint>

namespace signvote {

// Before any model is loaded, and after a SignalWatcher blocked its signals, where there is one: LibTorch, OpenMP and
// OpenBLAS compute with this many threads, all of which leave those signals alone, and TorchScript runs without its
// profiling executor (the first steps are faster, and shapes may vary).
void StartTorch(uint32_t threads);

}  // namespace signvote
