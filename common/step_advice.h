// Of a step size that is hardly meant: server.yaml and signvotectl step-size say the same.
#pragma once

#include <fmt/format.h>

#include <string>

namespace signvote {

// Empty: nothing to say.
inline std::string StepAdvice(float size) {
  if (size <= 0.1f) return "";
  return fmt::format("step.size is {:g}: every parameter moves by that much in every round, and 6e-4 to 2e-2 are usual",
                     size);
}

}  // namespace signvote
