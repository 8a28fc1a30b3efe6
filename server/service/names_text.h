// Of many names the first few, in a sentence.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace signvote {

inline constexpr size_t kNamesTold = 4;

// "ada, bob, cyd, dan and 3 more".
inline std::string NamesText(const std::vector<std::string>& names) {
  const size_t told = std::min(names.size(), kNamesTold);
  return fmt::format("{}{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(told), ", "),
                     told == names.size() ? "" : fmt::format(" and {} more", names.size() - told));
}

}  // namespace signvote
