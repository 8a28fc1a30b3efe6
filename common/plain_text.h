// Words of strangers, made fit for logs and terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace signvote {

inline constexpr size_t kMaxReason = 500;  // characters, of why a client leaves: Leave in federation.proto

// `text` with a space for each control character and a question mark for each byte that is no ASCII. Of more than
// `limit` bytes the beginning, and "..." within the limit.
std::string PlainText(std::string_view text, size_t limit);

}  // namespace signvote
