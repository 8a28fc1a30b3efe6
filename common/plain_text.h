// Words of strangers, made fit for logs and terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace signvote {

inline constexpr size_t kMaxReason = 200;  // characters, of why a client leaves: Leave in federation.proto

// The first `limit` bytes of `text`, with a space for each control character and a question mark for each byte that is
// no ASCII.
std::string PlainText(std::string_view text, size_t limit);

}  // namespace signvote
