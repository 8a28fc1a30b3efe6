// Connections that mean harm, in numbers small enough for a test; the run's rounds go on.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>

#include "common/blocks.h"
#include "proto/signvote/v1/federation.grpc.pb.h"
#include "tests/e2e/federation_fixture.h"

namespace signvote {
namespace {

class HostileE2e : public FederationFixture {
 protected:
  void StartRun(const std::vector<std::string>& settings = {}) {
    std::vector<std::string> all{"rounds.total=1000000", "rounds.quorum=1", "rounds.deadline=5s"};
    all.insert(all.end(), settings.begin(), settings.end());
    StartServer("run", all);
    clients_.emplace("a", StartClient("a", {"batch=4"}));
    ASSERT_TRUE(GoesOn());
  }

  bool GoesOn() {
    const uint64_t now = Round();
    return Eventually([&] { return Round() >= now + 3; }, Seconds(100));
  }

  std::shared_ptr<grpc::Channel> Channel() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(listen_, grpc::InsecureChannelCredentials(), arguments);
  }

  // The status of a unary call with an empty message, by the method's name.
  grpc::Status CallByName(const std::string& method) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + Seconds(20));
    grpc::CompletionQueue queue;
    const grpc::ByteBuffer nothing = [] {
      grpc::Slice slice("");
      return grpc::ByteBuffer(&slice, 1);
    }();
    grpc::ByteBuffer answer;
    grpc::Status status;
    grpc::GenericStub stub(Channel());
    auto call = stub.PrepareUnaryCall(&context, method, nothing, &queue);
    call->StartCall();
    call->Finish(&answer, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    return status;
  }
};

TEST_F(HostileE2e, SilentConnectionsAndHalfOpenSessionsStopNothing) {
  StartRun();
  const auto colon = listen_.rfind(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(listen_.substr(colon + 1))));
  inet_pton(AF_INET, listen_.substr(0, colon).c_str(), &address.sin_addr);
  std::vector<int> sockets;
  for (int i = 0; i < 500; ++i) {
    sockets.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(sockets.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  struct HalfOpen {
    std::unique_ptr<v1::Federation::Stub> stub;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReaderWriter<v1::ClientMessage, v1::ServerMessage>> stream;
  };
  std::vector<std::unique_ptr<HalfOpen>> sessions;
  const auto channel = Channel();
  for (int i = 0; i < 12; ++i) {
    auto& session = sessions.emplace_back(std::make_unique<HalfOpen>());
    session->stub = v1::Federation::NewStub(channel);
    session->stream = session->stub->Session(&session->context);
  }
  EXPECT_TRUE(GoesOn());
  // Nobody says anything for the time that an introduction may take: the server hangs up.
  timeval limit{40, 0};
  setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  char bytes[256];
  ssize_t got = 0;
  while ((got = recv(sockets[0], bytes, sizeof bytes, 0)) > 0) {
  }
  EXPECT_TRUE(got == 0 || errno == ECONNRESET) << "still connected";
  EXPECT_TRUE(GoesOn());
  for (const auto& session : sessions) session->context.TryCancel();
  for (const int one : sockets) close(one);
}

TEST_F(HostileE2e, AMessageAboveTheLimitEndsItsSessionAlone) {
  StartRun();
  grpc::ClientContext context;
  const auto stub = v1::Federation::NewStub(Channel());
  const auto stream = stub->Session(&context);
  v1::ClientMessage message;
  message.mutable_ballot()->mutable_signs()->set_signs(std::string(8 * kMaxMessageBytes, '\xff'));
  stream->Write(message);
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(GoesOn());
}

TEST_F(HostileE2e, ReflectionIsOffUnlessAskedForAndHealthIsAlwaysThere) {
  const std::string reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
  StartRun();
  EXPECT_TRUE(CallByName("/grpc.health.v1.Health/Check").ok());
  EXPECT_EQ(Control({"health"}), std::pair(0, std::string("serving\n")));
  EXPECT_EQ(CallByName(reflection).error_code(), grpc::StatusCode::UNIMPLEMENTED);
  server_->Kill();
  EXPECT_EQ(Control({"health"}).first, 3);
  StartServer("open", {"reflection=true"});
  EXPECT_NE(CallByName(reflection).error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace signvote
