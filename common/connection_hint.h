// What to do about a connection that does not come about, by the words of gRPC and OpenSSL. Pure.
#pragma once

#include <string>
#include <string_view>

namespace signvote {

// `is_tls`: this side speaks TLS. Empty where the words say nothing that is known.
std::string ConnectionHint(std::string_view message, bool is_tls);

// Without gRPC's "failed to connect to all addresses; last error: UNKNOWN: ".
std::string_view WithoutPreamble(std::string_view message);

}  // namespace signvote
