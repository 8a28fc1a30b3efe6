#include "common/connection_hint.h"

#include <gmock/gmock.h>

namespace signvote {
namespace {

using testing::HasSubstr;

// As gRPC 1.51 says it.
constexpr char kCut[] =
    "failed to connect to all addresses; last error: UNAVAILABLE: ipv4:127.0.0.1:43809: Socket closed";
constexpr char kRefused[] =
    "failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:1: Failed to connect to remote host: "
    "Connection refused";

TEST(ConnectionHint, ACutOnPlainTextIsMostLikelyAServerThatWantsACertificate) {
  EXPECT_THAT(ConnectionHint(kCut, false), HasSubstr("asks for a certificate"));
}

TEST(ConnectionHint, ACutOnTlsIsMostLikelyARefusedCertificate) {
  EXPECT_THAT(ConnectionHint(kCut, true), HasSubstr("refuses this certificate"));
}

TEST(ConnectionHint, ACutAfterMessagesIsNoMatterOfTls) {
  EXPECT_EQ(ConnectionHint(kCut, false, true), "");
  EXPECT_EQ(ConnectionHint(kCut, true, true), "");
  EXPECT_THAT(ConnectionHint(kRefused, false, true), HasSubstr("nobody listens there"));
}

TEST(ConnectionHint, TellsPlainTextNamesAuthoritiesAndAddressesApart) {
  EXPECT_THAT(
      ConnectionHint("Ssl handshake failed: SSL_ERROR_SSL: error:0A00010B:SSL routines::wrong version number", true),
      HasSubstr("plain text"));
  EXPECT_THAT(ConnectionHint("Peer name localhost is not in peer certificate", true), HasSubstr("other names"));
  EXPECT_THAT(ConnectionHint("Custom verification check failed with error: Hostname Verification Check failed.", true),
              HasSubstr("other names"));
  EXPECT_THAT(ConnectionHint("the server's certificate 0A is revoked", true), HasSubstr("makes another"));
  EXPECT_THAT(ConnectionHint("SSL routines::certificate verify failed", true), HasSubstr("expired"));
  EXPECT_THAT(ConnectionHint(kRefused, true), HasSubstr("nobody listens there"));
  EXPECT_THAT(ConnectionHint("DNS resolution failed for nosuch.example:7401", false), HasSubstr("its name"));
  EXPECT_EQ(ConnectionHint("the server is stopping", false), "");
}

TEST(ConnectionHint, DropsWhatGrpcSaysBeforeTheMatter) {
  EXPECT_EQ(WithoutPreamble(kRefused), "ipv4:127.0.0.1:1: Failed to connect to remote host: Connection refused");
  EXPECT_EQ(WithoutPreamble("the server is stopping"), "the server is stopping");
}

}  // namespace
}  // namespace signvote
