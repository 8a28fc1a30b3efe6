// Certificates as deploy/certs.sh makes them, and strangers in a run of real processes that goes on all the while.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include "common/files.h"
#include "proto/signvote/v1/admin.grpc.pb.h"
#include "tests/e2e/federation_fixture.h"

namespace signvote {
namespace {

using testing::HasSubstr;

class SecurityE2e : public FederationFixture {
 protected:
  void SetUp() override {
    FederationFixture::SetUp();
    Certs({"init"});
    Certs({"server", "127.0.0.1"});
    Certs({"admin", "root"});
    admin_tls_ = Path("certs/admins/root");
  }

  void Certs(const std::vector<std::string>& words, const std::string& directory = "certs") {
    std::vector<std::string> arguments{std::string(SIGNVOTE_SOURCE_DIR) + "/deploy/certs.sh", "--directory",
                                       Path(directory)};
    arguments.insert(arguments.end(), words.begin(), words.end());
    Process process(arguments, Path("certs.log"));
    ASSERT_EQ(process.Wait(Seconds(60)), 0) << process.Output();
  }

  // A run of two voters, a and b, that goes on until the test ends.
  void StartRun(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> all{"tls.directory=" + Path("certs/server"), "rounds.total=1000000", "rounds.quorum=2",
                                 "rounds.deadline=20s"};
    all.insert(all.end(), settings.begin(), settings.end());
    StartServer("run", all);
    for (const std::string name : {"a", "b"}) {
      Certs({"client", name});
      clients_.emplace(name, StartMember(name, name));
    }
    ASSERT_TRUE(GoesOn());
  }

  Process StartMember(const std::string& name, const std::string& certificate, std::vector<std::string> settings = {}) {
    settings.insert(settings.end(), {"batch=4", "tls.directory=" + Path("certs/clients/" + certificate)});
    return StartClient(name, settings);
  }

  // Three more rounds are closed.
  bool GoesOn() {
    const uint64_t now = Round();
    return Eventually([&] { return Round() >= now + 3; }, Seconds(100));
  }

  bool ServerSays(const std::string& words, int times = 1) {
    return Eventually(
        [&] {
          const std::string output = server_->Output();
          int count = 0;
          for (size_t at = output.find(words); at != output.npos; at = output.find(words, at + 1)) ++count;
          return count >= times;
        },
        Seconds(60));
  }

  // A call by a client that is not ours.
  grpc::Status Call(const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + Seconds(20));
    v1::RunStatus status;
    return v1::Admin::NewStub(grpc::CreateChannel(admin_, credentials))->GetStatus(&context, {}, &status);
  }
  std::shared_ptr<grpc::ChannelCredentials> FilesOf(const std::string& directory) {
    return grpc::SslCredentials({*ReadFile(Path("certs/ca/ca.pem")), *ReadFile(Path(directory + "/key.pem")),
                                 *ReadFile(Path(directory + "/certificate.pem"))});
  }
};

TEST_F(SecurityE2e, StrangersAreRefusedInWordsWhileTheRunGoesOn) {
  Certs({"client", "late", "--until", "1 hour ago"});
  Certs({"client", "gone"});
  Certs({"revoke", "gone"});
  Certs({"init"}, "forged");
  Certs({"admin", "root"}, "forged");
  StartRun();

  Process plain = StartClient("plain", {"connect.give_up=1s"});
  Process another = StartMember("c", "a");
  Process promoted = StartMember("a", "a", {"role=observer"});
  Process late = StartMember("late", "late");
  Process gone = StartMember("gone", "gone");
  EXPECT_EQ(plain.Wait(Seconds(60)), 3) << plain.Output();
  EXPECT_THAT(plain.Output(), HasSubstr("asks for a certificate"));
  EXPECT_EQ(another.Wait(Seconds(60)), 5);
  EXPECT_THAT(another.Output(), HasSubstr("the certificate is a's, and the client says that it is c"));
  EXPECT_EQ(promoted.Wait(Seconds(60)), 5);
  EXPECT_THAT(promoted.Output(), HasSubstr("wants to join as observer"));
  EXPECT_EQ(late.Wait(Seconds(60)), 5);
  EXPECT_THAT(late.Output(), HasSubstr("the certificate of late expired at "));
  EXPECT_EQ(gone.Wait(Seconds(60)), 5);
  EXPECT_THAT(gone.Output(), HasSubstr("of voter gone is revoked"));

  EXPECT_EQ(Call(grpc::InsecureChannelCredentials()).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call(FilesOf("certs/clients/late")).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(ServerSays("the other side's certificate has expired")) << server_->Output();
  EXPECT_EQ(Call(FilesOf("forged/admins/root")).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(Call(FilesOf("certs/clients/a")).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(Call(FilesOf("certs/admins/root")).ok());

  admin_tls_.clear();
  const auto [uncertified, why] = Control({"status"});
  EXPECT_EQ(uncertified, 3);
  EXPECT_THAT(why, HasSubstr("--tls DIRECTORY"));
  admin_tls_ = Path("certs/clients/a");
  for (const char* command : {"status", "stop", "pause", "clients"}) {
    const auto [code, said] = Control({command});
    EXPECT_EQ(code, 5) << command;
    EXPECT_THAT(said, HasSubstr("takes the role admin")) << command;
  }
  admin_tls_ = Path("certs/admins/root");
  EXPECT_TRUE(GoesOn());
}

TEST_F(SecurityE2e, CertificatesChangeInALiveRun) {
  Certs({"client", "c"});
  StartRun();
  clients_.emplace("c", StartMember("c", "c"));
  ASSERT_TRUE(ServerSays("voter c joined")) << server_->Output();

  Certs({"revoke", "c"});
  EXPECT_EQ(clients_.at("c").Wait(Seconds(60)), 5) << clients_.at("c").Output();
  EXPECT_THAT(clients_.at("c").Output(), HasSubstr("of voter c is revoked"));
  EXPECT_TRUE(GoesOn());

  // A client whose certificate ends connects again with the one that lies there by then.
  Certs({"client", "c", "--until", "20 seconds"});
  clients_.at("c") = StartMember("c", "c");
  ASSERT_TRUE(ServerSays("voter c joined", 2)) << clients_.at("c").Output();
  Certs({"client", "c"});
  EXPECT_TRUE(ServerSays("the certificate of c expired"));
  EXPECT_TRUE(ServerSays("voter c joined", 3)) << clients_.at("c").Output();

  const std::string before = *ReadFile(Path("certs/server/certificate.pem"));
  const std::string key = *ReadFile(Path("certs/server/key.pem"));
  Write("certs/server/key.pem", key.substr(0, key.size() / 2));
  EXPECT_TRUE(ServerSays("the certificates from before stay in service")) << server_->Output();
  EXPECT_TRUE(Call(FilesOf("certs/admins/root")).ok()) << "handshakes still work";
  EXPECT_TRUE(GoesOn());

  Certs({"server", "127.0.0.1"});
  ASSERT_NE(*ReadFile(Path("certs/server/certificate.pem")), before);
  EXPECT_TRUE(ServerSays("have changed: they are in service")) << server_->Output();
  EXPECT_TRUE(GoesOn());
}

TEST_F(SecurityE2e, ARevokedAdministratorHearsNoMore) {
  Certs({"admin", "guest"});
  StartServer("run", {"tls.directory=" + Path("certs/server"), "rounds.quorum=2"});
  const auto follow = [this](std::vector<std::string> words) {
    words.insert(words.begin(), {Program("signvotectl"), "--server", admin_, "--tls", Path("certs/admins/guest")});
    return Process(words, Path(words.back() + ".log"));
  };
  Process watch = follow({"watch"}), events = follow({"events", "--follow"});
  ASSERT_TRUE(Eventually([&] { return watch.Output().find("round 0") != std::string::npos; }, Seconds(30)));
  ASSERT_EQ(Control({"pause"}).first, 0);
  ASSERT_TRUE(Eventually([&] { return events.Output().find("paused") != std::string::npos; }, Seconds(30)));
  Certs({"revoke", "guest"});
  EXPECT_EQ(watch.Wait(Seconds(30)), 5) << watch.Output();
  EXPECT_THAT(watch.Output(), HasSubstr("of admin guest is revoked"));
  EXPECT_EQ(events.Wait(Seconds(30)), 5) << events.Output();
  EXPECT_THAT(events.Output(), HasSubstr("of admin guest is revoked"));
  EXPECT_EQ(Control({"resume"}).first, 0) << "root is no guest";
}

TEST_F(SecurityE2e, AClientLoadsNoOtherModelThanItsPin) {
  StartRun();
  Certs({"client", "c"});
  Process other = StartMember("c", "c", {"model_sha256=" + std::string(64, 'a')});
  EXPECT_EQ(other.Wait(Seconds(60)), 4);
  EXPECT_THAT(other.Output(), HasSubstr("model_sha256"));
  const std::string right = Hex(Sha256(*ReadFile(Path("bundle/model.pt"))));
  Process same = StartMember("c", "c", {"model_sha256=" + right});
  EXPECT_TRUE(ServerSays("voter c joined")) << same.Output();
}

}  // namespace
}  // namespace signvote
