// One voter of a load generator: a real session on a stream of its own, that casts made-up ballots. It holds no
// parameters: it takes the server's fingerprint for its own.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <deque>
#include <memory>
#include <string>

#include "common/mutex.h"
#include "tests/bench/load_swarm.h"

namespace signvote {

struct ParameterHash;  // of parameters as they arrive

// gRPC's threads call it. The swarm must outlive it; delete it after its stream has ended (Swarm::WaitEnded).
class LoadVoter final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  LoadVoter(Swarm* swarm, uint64_t number, const std::shared_ptr<grpc::Channel>& channel);
  ~LoadVoter() override;

  void Join();
  // The swarm may vote, or is done.
  void Go();
  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void Received(const v1::ServerMessage& message);
  void OnParameters(const v1::ParametersChunk& chunk) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Say(v1::ClientMessage message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool NextBallotBlock(v1::ClientMessage* message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Swarm* const swarm_;
  const uint64_t number_;
  const std::string name_;
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer incoming_, outgoing_;

  Mutex mu_;
  std::deque<v1::ClientMessage> said_ ABSL_GUARDED_BY(mu_);
  bool is_writing_ ABSL_GUARDED_BY(mu_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mu_) = false;
  bool is_leaving_ ABSL_GUARDED_BY(mu_) = false;
  bool has_arrived_ ABSL_GUARDED_BY(mu_) = false;
  v1::Welcome welcome_ ABSL_GUARDED_BY(mu_);
  BlockRange range_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<ParameterHash> hash_ ABSL_GUARDED_BY(mu_);  // while parameters arrive
  uint64_t ballot_round_ ABSL_GUARDED_BY(mu_) = 0;            // 0: no ballot is due
  uint64_t next_block_ ABSL_GUARDED_BY(mu_) = 0;
};

std::shared_ptr<grpc::Channel> MakeLoadChannel(const std::string& server);

}  // namespace signvote
