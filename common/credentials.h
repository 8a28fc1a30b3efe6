// Who may speak to whom: TLS with a certificate on both sides, or plain text where the network is trusted.
//
// Certificates are read again when their files change. A set that does not fit together (half-written, expired, of
// another authority) is logged once and the one before stays in service.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/certificates.h"
#include "common/config.h"
#include "common/keepalive.h"
#include "common/mutex.h"

namespace grpc {
class AuthContext;
class ChannelCredentials;
class ServerCredentials;
}  // namespace grpc

namespace signvote {

class ServerCertificates;

struct TransportOptions {
  TlsPaths tls;                           // empty: plain text
  bool insecure = false;                  // plain text on other addresses than loopback
  absl::Duration keepalive = kKeepalive;  // the other side is asked for a sign of life this often

  bool IsTls() const { return !tls.certificate.empty(); }
};

// certificate.pem, key.pem, ca.pem, and revoked.pem once it is there, as deploy/certs.sh lays them out.
TlsPaths TlsPathsIn(const std::string& directory);

// The keys tls.directory; tls.certificate, tls.key, tls.ca, tls.revoked, each over what the directory says; insecure,
// keepalive.
void ReadTransport(ConfigReader* reader, TransportOptions* options);

// Thread-safe.
class Credentials {
 public:
  // Errors of ReadTlsTexts and CheckTlsTexts.
  static absl::StatusOr<std::unique_ptr<Credentials>> Load(const TransportOptions& options);

  ~Credentials();

  bool IsTls() const { return options_.IsTls(); }
  absl::Duration keepalive() const { return options_.keepalive; }

  // INVALID_ARGUMENT when plain text would leave this machine and nobody said `insecure: true`. `what` names the
  // address: "listen".
  absl::Status Permit(const std::string& what, const std::string& address) const;

  // Reads files that have changed; true when others are in service now.
  bool Refresh();

  // For a new connection: what is in service now. A server whose certificate is among the revoked does not get through
  // the handshake.
  std::shared_ptr<grpc::ChannelCredentials> ForChannel();
  // Every handshake uses what is in service then; clients without a valid certificate of the authority do not get
  // through it. The server must be gone before this object.
  std::shared_ptr<grpc::ServerCredentials> ForServer();

  // PERMISSION_DENIED: revoked. UNAVAILABLE: expired (a new connection may show a new certificate).
  absl::Status Check(const Identity& identity, absl::Time now) const;

 private:
  friend class ServerCertificates;
  explicit Credentials(const TransportOptions& options);
  absl::Status Take(const TlsTexts& texts);
  TlsTexts Current(uint64_t* version) const;

  const TransportOptions options_;
  std::vector<std::unique_ptr<ServerCertificates>> servers_;  // what gRPC calls at each handshake

  mutable Mutex mu_;
  TlsMaterial material_ ABSL_GUARDED_BY(mu_);   // in service
  uint64_t version_ ABSL_GUARDED_BY(mu_) = 0;   // counts what was in service
  std::string complaint_ ABSL_GUARDED_BY(mu_);  // the last that was logged
};

// The identity that a peer's certificate proves. UNAUTHENTICATED without one.
absl::StatusOr<Identity> IdentityOf(const grpc::AuthContext& peer);

}  // namespace signvote
