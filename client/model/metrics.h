// What an observer measures. Without LibTorch.
#pragma once

#include <array>

namespace signvote {

// accuracy: of classes, the largest output is the target's; of targets 0 and 1 (loss bce), the output's sign is theirs.
// mse, mae: mean squared and absolute difference of outputs and targets. perplexity: e to the cross-entropy.
inline constexpr std::array kMetrics = {"accuracy", "mse", "mae", "perplexity"};

}  // namespace signvote
