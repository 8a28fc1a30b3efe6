#include "common/connection_hint.h"

namespace signvote {
namespace {

bool Has(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

bool IsCut(std::string_view message) {
  return Has(message, "Socket closed") || Has(message, "Connection reset") || Has(message, "recvmsg") ||
         Has(message, "Broken pipe");
}

}  // namespace

std::string ConnectionHint(std::string_view message, bool is_tls, bool has_spoken) {
  if (Has(message, "certificate verify failed")) {
    return "the other side's certificate has expired, or comes from another authority than tls.ca (ca.pem)";
  }
  if (Has(message, "is not in peer certificate") || Has(message, "Hostname Verification Check failed")) {
    return "its certificate was made for other names: connect by one of those, or make one for this name too "
           "(deploy/certs.sh server HOST...)";
  }
  if (Has(message, "the server's certificate") && Has(message, "is revoked")) {
    return "who has its key may only pose as the server; whoever looks after it makes another (deploy/certs.sh server "
           "HOST...)";
  }
  if (Has(message, "peer did not return a certificate")) return "the other side has no certificate (tls.directory)";
  if (Has(message, "wrong version number") || Has(message, "http request")) {
    return "the other side speaks plain text, and here TLS is asked for";
  }
  if (Has(message, "Connection refused")) {
    return "nobody listens there: is signvote-server running, and is this its address?";
  }
  if (Has(message, "DNS resolution failed")) return "no such host is known: is its name right?";
  if (Has(message, "timed out") || Has(message, "No route to host") || Has(message, "unreachable")) {
    return "the machine does not answer: is it up, and does a firewall let this port through?";
  }
  if (IsCut(message) && has_spoken) return "";
  if (IsCut(message) && !is_tls) {
    return "it hung up on plain text: most likely it speaks TLS and asks for a certificate (tls.directory in a "
           "configuration, --tls DIRECTORY of signvotectl; deploy/certs.sh makes them)";
  }
  if (IsCut(message) || Has(message, "alert")) {
    return "it hung up in the handshake: most likely it refuses this certificate (expired, or of an authority that is "
           "not its own)";
  }
  return "";
}

std::string_view WithoutPreamble(std::string_view message) {
  constexpr std::string_view kLast = "last error: ";
  const size_t last = message.find(kLast);
  if (last == message.npos) return message;
  message.remove_prefix(last + kLast.size());
  const size_t colon = message.find(": ");
  if (colon != message.npos && message.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == colon) {
    message.remove_prefix(colon + 2);
  }
  return message;
}

}  // namespace signvote
