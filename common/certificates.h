// X.509 certificates: whom they name, and whether a set of files fits together.
//
// A client's certificate names it by its common name (CN) and carries one role as the URI signvote:role:voter,
// signvote:role:observer or signvote:role:admin among its alternative names. A server's certificate carries host names
// and no role.
#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <compare>
#include <optional>
#include <set>
#include <string>

namespace signvote {

// Which certificate it is.
struct CertificateId {
  std::string issuer;  // as RFC 2253 writes its name
  std::string serial;  // hexadecimal; an issuer gives each out once

  auto operator<=>(const CertificateId&) const = default;
};
// UNAUTHENTICATED: no certificate.
absl::StatusOr<CertificateId> CertificateIdOf(const std::string& pem);

// The holder of a certificate.
struct Identity {
  std::string name;
  std::string role;  // voter, observer or admin
  CertificateId certificate;
  absl::Time expires;
};

// UNAUTHENTICATED: no certificate, no name, or not exactly one known role.
absl::StatusOr<Identity> IdentityOf(const std::string& pem);

struct TlsPaths {
  std::string certificate;  // PEM, followed by intermediate ones if there are any
  std::string key;
  std::string ca;                 // PEM, the authority that peers must come from; several may follow each other
  std::string revoked;            // certificate revocation lists of the authorities, PEM; empty: nobody is revoked
  bool may_lack_revoked = false;  // nobody is revoked until such a file appears

  bool operator==(const TlsPaths&) const = default;
};

// The files' contents.
struct TlsTexts {
  std::string certificate, key, ca;
  std::optional<std::string> revoked;  // none: there are no lists

  bool operator==(const TlsTexts&) const = default;
};
// Errors of ReadFile.
absl::StatusOr<TlsTexts> ReadTlsTexts(const TlsPaths& paths);

// What was checked together.
struct TlsMaterial {
  TlsTexts texts;
  std::set<CertificateId> revoked;
};
// DATA_LOSS: something is no PEM, key and certificate are no pair, a list of the revoked is not of one of the
// authorities. FAILED_PRECONDITION: the certificate has expired, begins later, or comes from another authority.
absl::StatusOr<TlsMaterial> CheckTlsTexts(const TlsTexts& texts, const TlsPaths& paths, absl::Time now);

}  // namespace signvote
