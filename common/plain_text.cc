#include "common/plain_text.h"

#include <algorithm>

namespace signvote {

std::string PlainText(std::string_view text, size_t limit) {
  std::string plain(text.substr(0, limit));
  std::transform(plain.begin(), plain.end(), plain.begin(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 ? '?' : byte < 0x20 || byte == 0x7F ? ' ' : c;
  });
  constexpr std::string_view kCut = "...";
  if (text.size() > limit && limit >= kCut.size()) plain.replace(limit - kCut.size(), kCut.size(), kCut);
  return plain;
}

}  // namespace signvote
