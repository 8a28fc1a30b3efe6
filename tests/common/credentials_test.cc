#include "common/credentials.h"

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/address.h"
#include "common/connection_hint.h"
#include "common/files.h"
#include "proto/signvote/v1/admin.grpc.pb.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using testing::HasSubstr;

TEST(Address, OnlyThisMachineIsLoopback) {
  for (const char* here : {"127.0.0.1:7400", "127.9.9.9:1", "localhost:7400", "[::1]:7400", "unix:/run/signvote"}) {
    EXPECT_TRUE(IsLoopback(here)) << here;
  }
  for (const char* elsewhere :
       {"0.0.0.0:7400", "10.0.0.1:7400", "127.0.0.1.example.org:7400", "localhost.example.org:1", "[::]:7400",
        "dns:///127.0.0.1:7400", "server:7400", "127.0.0.1"}) {
    EXPECT_FALSE(IsLoopback(elsewhere)) << elsewhere;
  }
}

TEST(Credentials, PlainTextStaysHereUnlessSomeoneSaysOtherwise) {
  const auto plain = *Credentials::Load({});
  EXPECT_TRUE(plain->Permit("listen", "127.0.0.1:7400").ok());
  const absl::Status refused = plain->Permit("listen", "0.0.0.0:7400");
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("insecure: true"));
  EXPECT_TRUE((*Credentials::Load({.tls = {}, .insecure = true}))->Permit("listen", "0.0.0.0:7400").ok());
}

TEST(Credentials, ConfigurationIsWholeOrRefused) {
  const auto read = [](const std::string& text) {
    const Config config = *Config::Parse(text, "c.yaml", {});
    ConfigReader reader(config);
    TransportOptions options;
    ReadTransport(&reader, &options);
    return std::pair(reader.Finish(), options);
  };
  EXPECT_EQ(read("tls: {directory: d}").second.tls.key, "d/key.pem");
  EXPECT_EQ(read("tls: {directory: d, ca: other.pem}").second.tls.ca, "other.pem");
  EXPECT_FALSE(read("tls: {certificate: c.pem}").first.ok());
  EXPECT_FALSE(read("tls: {directory: d}\ninsecure: true").first.ok());
  EXPECT_TRUE(read("insecure: true").first.ok());
}

// Certificates of an authority made for the test.
class Certificates : public testing::Test {
 protected:
  void SetUp() override {
    Certs("init");
    Certs("client ada");
  }
  void Certs(const std::string& words, const std::string& output = "/dev/null") {
    const std::string command = std::string(SIGNVOTE_SOURCE_DIR) + "/deploy/certs.sh --directory " + Path("certs") +
                                " " + words + " >" + output;
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string Path(const std::string& name) const { return scratch_ / name; }
  std::string Read(const std::string& name) const { return *ReadFile(Path(name)); }
  void Write(const std::string& name, const std::string& text) const { std::ofstream(Path(name)) << text; }
  TransportOptions Ada() const { return {.tls = TlsPathsIn(Path("certs/clients/ada"))}; }

  Scratch scratch_;
};

TEST_F(Certificates, NameTheirHolderAndItsRole) {
  Certs("client olga --role observer");
  Certs("admin root");
  EXPECT_EQ(IdentityOf(Read("certs/clients/ada/certificate.pem"))->name, "ada");
  EXPECT_EQ(IdentityOf(Read("certs/clients/ada/certificate.pem"))->role, "voter");
  EXPECT_EQ(IdentityOf(Read("certs/clients/olga/certificate.pem"))->role, "observer");
  EXPECT_EQ(IdentityOf(Read("certs/admins/root/certificate.pem"))->role, "admin");
  EXPECT_EQ(IdentityOf(Read("certs/ca/ca.pem")).status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(IdentityOf("").status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(Certificates, AreListedAsValidExpiredOrRevoked) {
  Certs("client late --until '1 hour ago'");
  Certs("client gone");
  Certs("revoke gone");
  Certs("list", Path("list"));
  const std::string list = Read("list");
  for (const char* line : {"valid .*/CN=ada\n", "expired .*/CN=late\n", "revoked .*/CN=gone\n"}) {
    EXPECT_THAT(list, testing::ContainsRegex(line));
  }
}

// The mask says how openssl encodes a name: 4 T61String (Latin-1), 0x800 BMPString (UTF-16), 0x2000 UTF8String.
TEST_F(Certificates, NamesAreUtf8HoweverTheyAreEncodedAndHoldNoControlCharacters) {
  const auto identity = [this](const std::string& mask, const std::string& name) {
    Write("openssl.conf", "[req]\nstring_mask = MASK:" + mask + "\ndistinguished_name = none\n[none]\n");
    const std::string command = "openssl req -x509 -utf8 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " +
                                Path("key.pem") + " -config " + Path("openssl.conf") + " -subj '/CN=" + name +
                                "' -addext subjectAltName=URI:signvote:role:voter -out " + Path("named.pem") +
                                " 2>/dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return IdentityOf(Read("named.pem"));
  };
  for (const char* mask : {"4", "0x800", "0x2000"}) {
    EXPECT_EQ(identity(mask, "Zo\u00EB")->name, "Zo\u00EB") << mask;
    for (const char* name : {"ada\nroot", "ada\x1b[2J", "ada\u009B2J"}) {
      EXPECT_EQ(identity(mask, name).status().code(), absl::StatusCode::kUnauthenticated) << mask << name;
    }
  }
}

TEST_F(Certificates, ThatAreNoPairOrExpiredAreRefusedWithTheReason) {
  Certs("client bob");
  Write("certs/clients/ada/key.pem", Read("certs/clients/bob/key.pem"));
  absl::Status status = Credentials::Load(Ada()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("are no pair"));

  Certs("client ada --until '1 hour ago'");
  status = Credentials::Load(Ada()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the certificate of ada expired at "));

  std::filesystem::rename(Path("certs"), Path("first"));
  Certs("init");
  Write("first/clients/bob/ca.pem", Read("certs/ca/ca.pem"));
  status = Credentials::Load({.tls = TlsPathsIn(Path("first/clients/bob"))}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("does not come from the authority"));
}

TEST_F(Certificates, ABrokenNewPairLeavesTheOldOneInService) {
  const auto credentials = *Credentials::Load(Ada());
  EXPECT_FALSE(credentials->Refresh()) << "nothing has changed";
  Write("certs/clients/ada/key.pem", "-----BEGIN PRIVATE KEY-----\nhalf");
  EXPECT_FALSE(credentials->Refresh());
  std::filesystem::remove(Path("certs/clients/ada/certificate.pem"));
  EXPECT_FALSE(credentials->Refresh());
  Certs("client ada");
  EXPECT_TRUE(credentials->Refresh());
  EXPECT_FALSE(credentials->Refresh());
}

TEST_F(Certificates, TheRevokedAreKnownAfterARefreshAndTheReissuedAreFree) {
  Certs("server 127.0.0.1");
  const auto server = *Credentials::Load({.tls = TlsPathsIn(Path("certs/server"))});
  const Identity ada = *IdentityOf(Read("certs/clients/ada/certificate.pem"));
  EXPECT_TRUE(server->Check(ada, absl::Now()).ok());
  EXPECT_EQ(server->Check(ada, ada.expires).code(), absl::StatusCode::kUnavailable);
  Certs("revoke ada");
  EXPECT_TRUE(server->Refresh());
  EXPECT_EQ(server->Check(ada, absl::Now()).code(), absl::StatusCode::kPermissionDenied);
  Certs("client ada");
  EXPECT_TRUE(server->Check(*IdentityOf(Read("certs/clients/ada/certificate.pem")), absl::Now()).ok());
  // A list that someone else has signed counts for nothing.
  const std::string list = Read("certs/server/revoked.pem");
  std::filesystem::rename(Path("certs"), Path("first"));
  Certs("init");
  std::filesystem::rename(Path("certs"), Path("second"));
  std::filesystem::rename(Path("first"), Path("certs"));
  Write("certs/server/revoked.pem", Read("second/ca/revoked.pem"));
  EXPECT_FALSE(server->Refresh());
  EXPECT_EQ(server->Check(ada, absl::Now()).code(), absl::StatusCode::kPermissionDenied);
  Write("certs/server/revoked.pem", list);
  EXPECT_FALSE(server->Refresh());
}

TEST_F(Certificates, AListOfTheRevokedMayAppearInADirectoryButNotVanish) {
  Certs("server 127.0.0.1");
  std::filesystem::remove(Path("certs/server/revoked.pem"));
  const auto server = *Credentials::Load({.tls = TlsPathsIn(Path("certs/server"))});
  const Identity ada = *IdentityOf(Read("certs/clients/ada/certificate.pem"));
  EXPECT_FALSE(server->Refresh());
  EXPECT_TRUE(server->Check(ada, absl::Now()).ok());
  Certs("revoke ada");
  EXPECT_TRUE(server->Refresh());
  EXPECT_EQ(server->Check(ada, absl::Now()).code(), absl::StatusCode::kPermissionDenied);
  std::filesystem::remove(Path("certs/server/revoked.pem"));
  EXPECT_FALSE(server->Refresh());
  EXPECT_EQ(server->Check(ada, absl::Now()).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(Certificates, AListThatIsNamedMustBeThere) {
  const Config config =
      *Config::Parse("tls: {directory: " + Path("certs/clients/ada") + ", revoked: none.pem}", "c.yaml", {});
  ConfigReader reader(config);
  TransportOptions options;
  ReadTransport(&reader, &options);
  ASSERT_TRUE(reader.Finish().ok());
  EXPECT_EQ(Credentials::Load(options).status().code(), absl::StatusCode::kNotFound);
}

// While a federation moves from one authority to the next, tls.ca and tls.revoked hold both.
TEST_F(Certificates, ListsOfSeveralAuthoritiesCountEachForItsOwn) {
  Certs("revoke ada");
  const Identity first = *IdentityOf(Read("certs/clients/ada/certificate.pem"));
  const std::string first_list = Read("certs/ca/revoked.pem"), first_ca = Read("certs/ca/ca.pem");
  std::filesystem::rename(Path("certs"), Path("first"));
  Certs("init");
  Certs("server 127.0.0.1");
  Certs("client bob");
  Certs("revoke bob");
  const Identity second = *IdentityOf(Read("certs/clients/bob/certificate.pem"));
  const std::string second_list = Read("certs/ca/revoked.pem");
  Write("certs/server/ca.pem", Read("certs/ca/ca.pem") + first_ca);
  for (const std::string& lists : {first_list + second_list, second_list + first_list}) {
    Write("certs/server/revoked.pem", lists);
    const auto server = *Credentials::Load({.tls = TlsPathsIn(Path("certs/server"))});
    EXPECT_EQ(server->Check(first, absl::Now()).code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(server->Check(second, absl::Now()).code(), absl::StatusCode::kPermissionDenied);
    Identity same_serial = second;
    same_serial.certificate.issuer = "CN=another";
    EXPECT_TRUE(server->Check(same_serial, absl::Now()).ok()) << "an authority revokes what it issued";
  }
  Write("certs/server/revoked.pem", second_list + first_list.substr(0, first_list.size() / 2));
  EXPECT_EQ(Credentials::Load({.tls = TlsPathsIn(Path("certs/server"))}).status().code(), absl::StatusCode::kDataLoss)
      << "the second list is cut off";
  Write("certs/server/ca.pem", Read("certs/ca/ca.pem"));
  Write("certs/server/revoked.pem", second_list + first_list);
  EXPECT_EQ(Credentials::Load({.tls = TlsPathsIn(Path("certs/server"))}).status().code(), absl::StatusCode::kDataLoss)
      << "the second list is of an authority that does not count";
}

// A call ends UNIMPLEMENTED where it reaches the server, and UNAVAILABLE where the handshake fails.
TEST_F(Certificates, AServerWhoseCertificateIsRevokedIsRefusedByThoseWhoHaveTheList) {
  Certs("server 127.0.0.1");
  const auto server_credentials = *Credentials::Load({.tls = TlsPathsIn(Path("certs/server"))});
  int port = 0, misnamed_port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", server_credentials->ForServer(), &port);
  builder.AddListeningPort("127.0.0.2:0", server_credentials->ForServer(), &misnamed_port);
  v1::Admin::Service service;
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto credentials = *Credentials::Load(Ada());
  const auto call = [&](const std::string& host, int at) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::RunStatus status;
    const auto channel = grpc::CreateChannel(host + ":" + std::to_string(at), credentials->ForChannel());
    return v1::Admin::NewStub(channel)->GetStatus(&context, {}, &status);
  };
  const auto take_list = [&] {
    Write("certs/clients/ada/revoked.pem", Read("certs/ca/revoked.pem"));
    EXPECT_TRUE(credentials->Refresh());
  };
  EXPECT_EQ(call("127.0.0.1", port).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  Certs("client bob");
  Certs("revoke bob");
  take_list();
  EXPECT_EQ(call("127.0.0.1", port).error_code(), grpc::StatusCode::UNIMPLEMENTED)
      << "another's certificate is revoked";
  grpc::Status refused = call("127.0.0.2", misnamed_port);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(ConnectionHint(refused.error_message(), true), HasSubstr("made for other names"));
  Certs("revoke server 127.0.0.1");
  take_list();
  refused = call("127.0.0.1", port);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(refused.error_message(), HasSubstr("the server's certificate "));
  EXPECT_THAT(refused.error_message(), HasSubstr(" is revoked"));
  server->Shutdown(std::chrono::system_clock::now());
}

}  // namespace
}  // namespace signvote
