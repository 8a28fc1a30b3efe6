// What to do about a connection that does not come about, by the words of gRPC and OpenSSL. Pure.
#pragma once

#include <string>
#include <string_view>

namespace signvote {

// `is_tls`: this side speaks TLS. `has_spoken`: messages came over the connection, so that a cut is no matter of how
// the two sides began. Empty where the words say nothing that is known.
std::string ConnectionHint(std::string_view message, bool is_tls, bool has_spoken = false);

// Without gRPC's "failed to connect to all addresses; last error: UNKNOWN: ".
std::string_view WithoutPreamble(std::string_view message);

}  // namespace signvote
