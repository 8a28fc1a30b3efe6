// A bare gRPC stream that echoes what it is sent: what a round without voting would cost. Messages are as long as
// blocks.
//
// usage: bench_echo serve CLIENTS           prints its port; nothing is echoed before all clients are there
//        bench_echo client PORT BYTES ROUNDS  prints the median seconds of a round: BYTES there and back
#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "common/blocks.h"
#include "common/mutex.h"
#include "proto/signvote/v1/federation.grpc.pb.h"
#include "tests/bench/measure.h"

namespace signvote {
namespace {

using Bytes = grpc::ByteBuffer;

class EchoService final : public v1::Federation::WithRawCallbackMethod_Session<v1::Federation::Service> {
 public:
  explicit EchoService(size_t clients) : missing_(clients) {}

  grpc::ServerBidiReactor<Bytes, Bytes>* Session(grpc::CallbackServerContext*) override {
    auto* echo = new Echo;
    MutexLock lock(mu_);
    waiting_.push_back(echo);
    if (--missing_ == 0) {
      for (Echo* each : waiting_) each->Start();
    }
    return echo;
  }

 private:
  struct Echo final : grpc::ServerBidiReactor<Bytes, Bytes> {
    void Start() { StartRead(&message); }
    void OnReadDone(bool ok) override { ok ? StartWrite(&message) : Finish(grpc::Status::OK); }
    void OnWriteDone(bool ok) override {
      if (ok) Start();
    }
    void OnDone() override { delete this; }

    Bytes message;
  };

  Mutex mu_;
  size_t missing_ ABSL_GUARDED_BY(mu_);
  std::vector<Echo*> waiting_ ABSL_GUARDED_BY(mu_);
};

class EchoClient final : public grpc::ClientBidiReactor<Bytes, Bytes> {
 public:
  EchoClient(const std::string& server, uint64_t bytes, size_t rounds)
      : bytes_(bytes), rounds_(rounds), stub_(Channel(server)) {
    stub_.PrepareBidiStreamingCall(&context_, "/signvote.v1.Federation/Session", grpc::StubOptions(), this);
    StartCall();
    StartRead(&incoming_);
    Write();
  }

  // The median of all rounds but the first, whose start is not everyone's.
  double Wait() {
    MutexLock lock(mu_);
    while (!is_done_) changed_.Wait(mu_);
    return seconds_.size() < 2 ? 0 : Median({seconds_.begin() + 1, seconds_.end()});
  }

  void OnWriteDone(bool ok) override {
    if (ok && sent_ < bytes_) Write();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    received_ += incoming_.Length();
    if (received_ == bytes_) {
      const auto now = std::chrono::steady_clock::now();
      seconds_.push_back(std::chrono::duration<double>(now - start_).count());
      start_ = now;
      if (seconds_.size() == rounds_) return StartWritesDone();
      sent_ = received_ = 0;
      Write();
    }
    StartRead(&incoming_);
  }
  void OnDone(const grpc::Status&) override {
    MutexLock lock(mu_);
    is_done_ = true;
    changed_.NotifyAll();
  }

 private:
  static std::shared_ptr<grpc::Channel> Channel(const std::string& server) {
    return grpc::CreateChannel(server, grpc::InsecureChannelCredentials());
  }
  void Write() {
    const uint64_t size = std::min<uint64_t>(kBlockCoordinates / 8, bytes_ - sent_);
    sent_ += size;
    const grpc::Slice slice(block_.data(), size);
    outgoing_ = Bytes(&slice, 1);
    StartWrite(&outgoing_);
  }

  const uint64_t bytes_;
  const size_t rounds_;
  const std::string block_ = std::string(kBlockCoordinates / 8, 'x');
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  Bytes incoming_, outgoing_;
  uint64_t sent_ = 0, received_ = 0;  // of the round
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::vector<double> seconds_;

  Mutex mu_;
  CondVar changed_;
  bool is_done_ ABSL_GUARDED_BY(mu_) = false;
};

int Serve(size_t clients) {
  EchoService service(clients);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  fmt::print("{}\n", port);
  std::fflush(stdout);
  server->Wait();
  return 0;
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "serve") return signvote::Serve(std::stoul(words[1]));
  if (words.size() == 4 && words[0] == "client") {
    signvote::EchoClient client("127.0.0.1:" + words[1], std::stoull(words[2]), std::stoul(words[3]));
    fmt::print("{}\n", client.Wait());
    return 0;
  }
  fmt::print(stderr, "usage: bench_echo serve CLIENTS | bench_echo client PORT BYTES ROUNDS\n");
  return 2;
}
