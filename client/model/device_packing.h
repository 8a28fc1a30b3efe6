// The vote of eq. 2 packed where the gradient is: on a GPU, N/8 bytes (without dither N/4) and one sum a tensor cross
// the bus instead of 4N.
#pragma once

#include <absl/status/statusor.h>

#include <span>

#include "client/model/module.h"
#include "client/model/sign_packing.h"

namespace signvote {

// The gradient that the last MeanGradient left in the module, packed as sign_packing.h defines, by the same generator:
// the same bits as SignPacker of the same gradient gives. But for one thing: the sums of magnitudes are added in
// another order, so a tensor's `s` may differ in its last place, and with it the rare sign that hangs on it.
// OUT_OF_RANGE: as SignPacker::Make. INVALID_ARGUMENT: the device fails (LibTorch's own words).
absl::StatusOr<SignPacker> PackOnDevice(Module& module, std::span<const TensorShape> tensors, const Dither& dither);

}  // namespace signvote
