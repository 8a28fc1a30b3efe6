#include "server/vote/kernels.h"

namespace signvote {

const Kernels& FastKernels() { return ReferenceKernels(); }

}  // namespace signvote
