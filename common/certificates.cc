#include "common/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>
#include <vector>

#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;
using X509Ptr = Owned<X509, X509_free>;

constexpr std::string_view kRolePrefix = "signvote:role:";

Owned<BIO, BIO_free> Reader(const std::string& text) {
  return Owned<BIO, BIO_free>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::vector<X509Ptr> CertificatesIn(const std::string& pem) {
  std::vector<X509Ptr> certificates;
  const auto reader = Reader(pem);
  while (X509* certificate = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  ERR_clear_error();
  return certificates;
}

std::string Hexadecimal(const ASN1_INTEGER* serial) {
  const Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(serial, nullptr));
  char* text = BN_bn2hex(number.get());
  std::string result = text;
  OPENSSL_free(text);
  return result;
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTimeT(timegm(&parts));
}

// In UTF-8; empty where there is none, or one that holds control characters: it goes into messages and onto terminals.
std::string CommonName(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return "";
  const std::string name(text, text + size);
  OPENSSL_free(text);
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    const bool is_c1 = byte == 0xC2 && static_cast<unsigned char>(name[i + 1]) < 0xA0;  // U+0080 to U+009F
    if (byte < 0x20 || byte == 0x7F || is_c1) return "";
  }
  return name;
}

// All parts of a name, as RFC 2253 writes them: for comparing, and plain ASCII.
std::string NameOf(const X509_NAME* name) {
  const Owned<BIO, BIO_free> writer(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(writer.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const auto size = static_cast<size_t>(BIO_get_mem_data(writer.get(), &text));
  return std::string(text, size);
}

CertificateId IdOf(const X509* certificate) {
  return {NameOf(X509_get_issuer_name(certificate)), Hexadecimal(X509_get0_serialNumber(certificate))};
}

void FreeStack(STACK_OF(X509) * stack) { sk_X509_free(stack); }  // not what is on it
void FreeNames(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }

std::vector<std::string> RolesOf(const X509* certificate) {
  std::vector<std::string> roles;
  const Owned<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
    const std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                           static_cast<size_t>(ASN1_STRING_length(uri)));
    if (text.starts_with(kRolePrefix)) roles.push_back(text.substr(kRolePrefix.size()));
  }
  return roles;
}

absl::Status Damaged(const std::string& path, const char* expected) {
  return Error(absl::StatusCode::kDataLoss, "{}: expected {} (deploy/certs.sh makes them)", path, expected);
}

absl::Status CheckChain(const std::vector<X509Ptr>& chain, const std::vector<X509Ptr>& authorities,
                        const TlsPaths& paths, absl::Time now) {
  const Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  for (const X509Ptr& authority : authorities) X509_STORE_add_cert(store.get(), authority.get());
  const Owned<STACK_OF(X509), FreeStack> others(sk_X509_new_null());
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(others.get(), chain[i].get());
  const Owned<X509_STORE_CTX, X509_STORE_CTX_free> check(X509_STORE_CTX_new());
  X509_STORE_CTX_init(check.get(), store.get(), chain[0].get(), others.get());
  X509_STORE_CTX_set_time(check.get(), 0, absl::ToTimeT(now));
  if (X509_verify_cert(check.get()) == 1) return absl::OkStatus();
  const int error = X509_STORE_CTX_get_error(check.get());
  const std::string name = CommonName(chain[0].get());
  const absl::TimeZone utc = absl::UTCTimeZone();
  if (error == X509_V_ERR_CERT_HAS_EXPIRED) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{}: the certificate of {} expired at {}: make another (deploy/certs.sh)", paths.certificate, name,
                 absl::FormatTime(absl::RFC3339_sec, TimeOf(X509_get0_notAfter(chain[0].get())), utc));
  }
  if (error == X509_V_ERR_CERT_NOT_YET_VALID) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{}: the certificate of {} is valid from {} on: does this machine's clock go right?",
                 paths.certificate, name,
                 absl::FormatTime(absl::RFC3339_sec, TimeOf(X509_get0_notBefore(chain[0].get())), utc));
  }
  return Error(absl::StatusCode::kFailedPrecondition,
               "{}: the certificate of {} does not come from the authority {}: {}", paths.certificate, name, paths.ca,
               X509_verify_cert_error_string(error));
}

bool IsSignedBy(X509_CRL* list, const X509* authority) {
  return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0 &&
         X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1;
}

void AddRevoked(X509_CRL* list, std::set<CertificateId>* revoked) {
  const std::string issuer = NameOf(X509_CRL_get_issuer(list));
  STACK_OF(X509_REVOKED)* entries = X509_CRL_get_REVOKED(list);
  for (int i = 0; entries && i < sk_X509_REVOKED_num(entries); ++i) {
    revoked->insert({issuer, Hexadecimal(X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, i)))});
  }
}

absl::StatusOr<std::set<CertificateId>> RevokedIn(const std::string& pem, const std::vector<X509Ptr>& authorities,
                                                  const std::string& path) {
  std::set<CertificateId> revoked;
  int lists = 0;
  const auto reader = Reader(pem);
  while (true) {
    const Owned<X509_CRL, X509_CRL_free> list(PEM_read_bio_X509_CRL(reader.get(), nullptr, nullptr, nullptr));
    if (!list) break;
    const bool is_signed = std::any_of(authorities.begin(), authorities.end(),
                                       [&](const X509Ptr& one) { return IsSignedBy(list.get(), one.get()); });
    ERR_clear_error();
    if (!is_signed) return Damaged(path, "lists of the revoked, each signed by the authority that it names");
    AddRevoked(list.get(), &revoked);
    ++lists;
  }
  const bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (lists == 0 || !is_at_end) return Damaged(path, "certificate revocation lists in PEM");
  return revoked;
}

}  // namespace

absl::StatusOr<CertificateId> CertificateIdOf(const std::string& pem) {
  const std::vector<X509Ptr> chain = CertificatesIn(pem);
  if (chain.empty()) return absl::UnauthenticatedError("no certificate was shown");
  return IdOf(chain[0].get());
}

absl::StatusOr<Identity> IdentityOf(const std::string& pem) {
  const std::vector<X509Ptr> chain = CertificatesIn(pem);
  if (chain.empty()) return absl::UnauthenticatedError("no certificate was shown");
  const X509* certificate = chain[0].get();
  const std::vector<std::string> roles = RolesOf(certificate);
  Identity identity{CommonName(certificate), "", IdOf(certificate), TimeOf(X509_get0_notAfter(certificate))};
  const bool is_known = roles.size() == 1 && (roles[0] == "voter" || roles[0] == "observer" || roles[0] == "admin");
  if (identity.name.empty() || !is_known) {
    return Error(absl::StatusCode::kUnauthenticated,
                 "certificate {} of \"{}\" has {} roles: expected a name and one of {}voter, {}observer, {}admin",
                 identity.certificate.serial, identity.name, roles.size(), kRolePrefix, kRolePrefix, kRolePrefix);
  }
  identity.role = roles[0];
  return identity;
}

absl::StatusOr<TlsTexts> ReadTlsTexts(const TlsPaths& paths) {
  TlsTexts texts;
  ASSIGN_OR_RETURN(texts.certificate, ReadFile(paths.certificate));
  ASSIGN_OR_RETURN(texts.key, ReadFile(paths.key));
  ASSIGN_OR_RETURN(texts.ca, ReadFile(paths.ca));
  if (paths.revoked.empty()) return texts;
  absl::StatusOr<std::string> revoked = ReadFile(paths.revoked);
  if (absl::IsNotFound(revoked.status()) && paths.may_lack_revoked) return texts;
  RETURN_IF_ERROR(revoked.status());
  texts.revoked = *std::move(revoked);
  return texts;
}

absl::StatusOr<TlsMaterial> CheckTlsTexts(const TlsTexts& texts, const TlsPaths& paths, absl::Time now) {
  const std::vector<X509Ptr> chain = CertificatesIn(texts.certificate);
  if (chain.empty()) return Damaged(paths.certificate, "a certificate in PEM");
  const auto reader = Reader(texts.key);
  const Owned<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PrivateKey(reader.get(), nullptr, nullptr, nullptr));
  if (!key) return Damaged(paths.key, "a private key in PEM, without a passphrase");
  const std::vector<X509Ptr> authorities = CertificatesIn(texts.ca);
  if (authorities.empty()) return Damaged(paths.ca, "certificates of authorities in PEM");
  const bool is_pair = X509_check_private_key(chain[0].get(), key.get()) == 1;
  ERR_clear_error();
  if (!is_pair) {
    return Error(absl::StatusCode::kDataLoss, "{} and {} are no pair: is only one of them new?", paths.certificate,
                 paths.key);
  }
  RETURN_IF_ERROR(CheckChain(chain, authorities, paths, now));
  TlsMaterial material{texts, {}};
  if (texts.revoked) {
    ASSIGN_OR_RETURN(material.revoked, RevokedIn(*texts.revoked, authorities, paths.revoked));
  }
  return material;
}

}  // namespace signvote
