#include "common/credentials.h"

#include <absl/time/clock.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "common/address.h"
#include "common/status.h"

namespace signvote {

// Hands the certificates in service to one server's handshakes.
class ServerCertificates {
 public:
  explicit ServerCertificates(const Credentials* credentials) : credentials_(credentials) {}

  grpc_server_credentials* MakeCredentials() {
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, &ServerCertificates::Fetch, this));
  }

 private:
  static grpc_ssl_certificate_config_reload_status Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<ServerCertificates*>(self)->Fetch(config);
  }
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    uint64_t version = 0;
    const TlsTexts texts = credentials_->Current(&version);
    if (handed_out_.exchange(version) == version) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair{texts.key.c_str(), texts.certificate.c_str()};
    *config = grpc_ssl_server_certificate_config_create(texts.ca.c_str(), &pair, 1);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const Credentials* const credentials_;
  std::atomic<uint64_t> handed_out_{0};
};

namespace {

// gRPC's C++ has no certificates that change in memory; its C core has.
class CoreServerCredentials final : public grpc::ServerCredentials {
 public:
  explicit CoreServerCredentials(grpc_server_credentials* core) : core_(core) {}
  ~CoreServerCredentials() override { grpc_server_credentials_release(core_); }
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), core_);
  }

  grpc_server_credentials* const core_;
};

// Refuses servers whose certificate is revoked, as gRPC's plain TLS credentials do not.
class ServerVerifier final : public grpc::experimental::ExternalCertificateVerifier {
 public:
  explicit ServerVerifier(std::set<CertificateId> revoked) : revoked_(std::move(revoked)) {}

 private:
  using Request = grpc::experimental::TlsCustomVerificationCheckRequest;

  bool Verify(Request* request, std::function<void(grpc::Status)>, grpc::Status* status) override {
    host_name_.Verify(request, nullptr, status);  // answers at once, without the callback
    if (!status->ok()) return true;
    const absl::StatusOr<CertificateId> server =
        CertificateIdOf(std::string(request->peer_cert().data(), request->peer_cert().size()));
    if (!server.ok()) {
      *status = {grpc::StatusCode::UNAUTHENTICATED, Message(server.status())};
    } else if (revoked_.contains(*server)) {
      *status = {grpc::StatusCode::UNAUTHENTICATED,
                 fmt::format("the server's certificate {} is revoked", server->serial)};
    }
    return true;
  }
  void Cancel(Request*) override {}

  grpc::experimental::HostNameCertificateVerifier host_name_;
  const std::set<CertificateId> revoked_;
};

std::shared_ptr<grpc::ChannelCredentials> ForChannelThatLooksForTheRevoked(const TlsMaterial& material) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
      material.texts.ca, std::vector<grpc::experimental::IdentityKeyCertPair>{
                             {.private_key = material.texts.key, .certificate_chain = material.texts.certificate}}));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_certificate_verifier(
      grpc::experimental::ExternalCertificateVerifier::Create<ServerVerifier>(material.revoked));
  return grpc::experimental::TlsCredentials(options);
}

}  // namespace

TlsPaths TlsPathsIn(const std::string& directory) {
  return {directory + "/certificate.pem", directory + "/key.pem", directory + "/ca.pem", directory + "/revoked.pem",
          /*may_lack_revoked=*/true};
}

void ReadTransport(ConfigReader* reader, TransportOptions* options) {
  reader->Read("insecure", &options->insecure);
  reader->Read("keepalive", &options->keepalive);
  if (options->keepalive < kLeastKeepalive) {
    reader->Fail("keepalive", fmt::format("is {}: expected at least {}", absl::FormatDuration(options->keepalive),
                                          absl::FormatDuration(kLeastKeepalive)));
  }
  std::string directory;
  reader->Read("tls.directory", &directory);
  if (!directory.empty()) options->tls = TlsPathsIn(directory);
  TlsPaths& tls = options->tls;
  reader->Read("tls.certificate", &tls.certificate);
  reader->Read("tls.key", &tls.key);
  reader->Read("tls.ca", &tls.ca);
  reader->Read("tls.revoked", &tls.revoked);
  if (reader->Has("tls.revoked")) tls.may_lack_revoked = false;
  const bool is_whole = !tls.certificate.empty() && !tls.key.empty() && !tls.ca.empty();
  if (reader->Has("tls") && !is_whole) {
    reader->Fail("tls", "is incomplete: expected tls.directory, or all of tls.certificate, tls.key and tls.ca");
  }
  if (options->insecure && options->IsTls()) {
    reader->Fail("insecure", "is true beside tls: expected one of them");
  }
}

Credentials::Credentials(const TransportOptions& options) : options_(options) {}

Credentials::~Credentials() = default;

absl::StatusOr<std::unique_ptr<Credentials>> Credentials::Load(const TransportOptions& options) {
  std::unique_ptr<Credentials> credentials(new Credentials(options));
  if (options.IsTls()) {
    ASSIGN_OR_RETURN(const TlsTexts texts, ReadTlsTexts(options.tls));
    RETURN_IF_ERROR(credentials->Take(texts));
  }
  return credentials;
}

absl::Status Credentials::Take(const TlsTexts& texts) {
  ASSIGN_OR_RETURN(TlsMaterial material, CheckTlsTexts(texts, options_.tls, absl::Now()));
  MutexLock lock(mu_);
  material_ = std::move(material);
  ++version_;
  complaint_.clear();
  return absl::OkStatus();
}

TlsTexts Credentials::Current(uint64_t* version) const {
  MutexLock lock(mu_);
  *version = version_;
  return material_.texts;
}

absl::Status Credentials::Permit(const std::string& what, const std::string& address) const {
  if (IsTls() || options_.insecure || IsLoopback(address)) return absl::OkStatus();
  return InvalidArgument(
      "{}: {} is not a loopback address, and plain text would go there: give certificates (tls.directory, see "
      "docs/security.md), or say so by name (insecure: true, signvotectl --insecure) if the network between is all "
      "your own",
      what, address);
}

bool Credentials::Refresh() {
  if (!IsTls()) return false;
  const absl::StatusOr<TlsTexts> texts = ReadTlsTexts(options_.tls);
  absl::Status status = texts.status();
  if (texts.ok()) {
    bool has_lost_list = false;  // half-way through being replaced, say: that readmits nobody
    {
      MutexLock lock(mu_);
      if (*texts == material_.texts) return false;
      has_lost_list = material_.texts.revoked && !texts->revoked;
    }
    status = has_lost_list ? Error(absl::StatusCode::kNotFound, "{} is gone", options_.tls.revoked) : Take(*texts);
    if (status.ok()) {
      spdlog::info("{} and what belongs to it have changed: they are in service", options_.tls.certificate);
      return true;
    }
  }
  MutexLock lock(mu_);
  if (complaint_ != Message(status)) {
    complaint_ = Message(status);
    spdlog::warn("{}; the certificates from before stay in service", complaint_);
  }
  return false;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials::ForChannel() {
  if (!IsTls()) return grpc::InsecureChannelCredentials();
  MutexLock lock(mu_);
  if (!material_.revoked.empty()) return ForChannelThatLooksForTheRevoked(material_);
  return grpc::SslCredentials({material_.texts.ca, material_.texts.key, material_.texts.certificate});
}

std::shared_ptr<grpc::ServerCredentials> Credentials::ForServer() {
  if (!IsTls()) return grpc::InsecureServerCredentials();
  servers_.push_back(std::make_unique<ServerCertificates>(this));
  return std::make_shared<CoreServerCredentials>(servers_.back()->MakeCredentials());
}

absl::Status Credentials::Check(const Identity& identity, absl::Time now) const {
  if (now >= identity.expires) {
    return Error(absl::StatusCode::kUnavailable,
                 "the certificate of {} expired at {}: make another, then connect again", identity.name,
                 absl::FormatTime(absl::RFC3339_sec, identity.expires, absl::UTCTimeZone()));
  }
  MutexLock lock(mu_);
  if (!material_.revoked.contains(identity.certificate)) return absl::OkStatus();
  return Error(absl::StatusCode::kPermissionDenied, "certificate {} of {} {} is revoked", identity.certificate.serial,
               identity.role, identity.name);
}

absl::StatusOr<Identity> IdentityOf(const grpc::AuthContext& peer) {
  const auto certificates = peer.FindPropertyValues("x509_pem_cert");
  if (certificates.empty()) return absl::UnauthenticatedError("no certificate was shown");
  return IdentityOf(std::string(certificates[0].data(), certificates[0].size()));
}

}  // namespace signvote
