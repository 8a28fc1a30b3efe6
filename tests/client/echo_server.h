// A federation of one client, and runners that take part in it: the decision is the client's ballot, or, for an
// observer, all plus.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/model/builtin.h"
#include "client/model/threads.h"
#include "client/runner.h"
#include "common/random.h"
#include "common/step.h"
#include "tests/client/data_source.h"
#include "tests/client/local_server.h"

namespace signvote {

class EchoServer {
 public:
  explicit EchoServer(uint64_t rounds) : rounds_(rounds), bundle_(*MakeBuiltin("mlp", 0)) {}

  grpc::Status operator()(Stream* stream) {
    ++streams_;
    v1::ClientMessage message;
    if (!stream->Read(&message)) return grpc::Status::OK;
    const bool voter = message.join().role() == v1::VOTER;
    Greet(stream, message.join());
    while (round_ < rounds_) {
      if (!Round(stream, voter) && reason.empty()) return {grpc::StatusCode::UNAVAILABLE, "cut"};
      if (!reason.empty()) return grpc::Status::OK;
    }
    while (stream->Read(&message) && !message.has_leave()) Note(message);
    v1::ServerMessage farewell;
    farewell.mutable_farewell()->set_reason(v1::Farewell::FINISHED);
    stream->Write(farewell);
    return grpc::Status::OK;
  }

  void Greet(Stream* stream, const v1::Join& join) {
    v1::ServerMessage message;
    v1::Welcome& welcome = *message.mutable_welcome();
    welcome.set_session("token");
    welcome.set_client_id(ClientId(join.name()));
    welcome.set_run("run");
    welcome.set_round(round_);
    welcome.mutable_config()->set_parameters(bundle_.parameters.values.size());
    welcome.mutable_config()->set_blocks(1);
    welcome.mutable_config()->set_dither(2);
    welcome.mutable_config()->set_rounds_total(rounds_);
    for (const TensorShape& tensor : bundle_.parameters.tensors) {
      v1::Tensor& added = *welcome.add_tensors();
      added.set_name(tensor.name);
      for (const uint64_t size : tensor.shape) added.add_shape(size);
    }
    welcome.set_model_sha256(bundle_.module_sha256);
    welcome.set_model_size(bundle_.module.size());
    stream->Write(message);
    constexpr size_t kChunk = 100000;
    for (size_t at = 0; join.model_sha256() != bundle_.module_sha256 && at < bundle_.module.size(); at += kChunk) {
      message.mutable_model()->set_offset(at);
      message.mutable_model()->set_data(bundle_.module.substr(at, kChunk));
      stream->Write(message);
    }
    std::vector<float>& x = bundle_.parameters.values;
    for (size_t at = 0; !join.has_fingerprint() && at < x.size(); at += kChunk / 4) {
      const size_t count = std::min(kChunk / 4, x.size() - at);
      message.mutable_parameters()->set_offset(at);
      message.mutable_parameters()->set_round(round_);
      message.mutable_parameters()->set_data(&x[at], count * 4);
      message.mutable_parameters()->set_last(at + count == x.size());
      *message.mutable_parameters()->mutable_fingerprint() = ToProto(FingerprintOf(x));
      stream->Write(message);
    }
  }

  std::vector<v1::Evaluation> evaluations;
  std::string reason;  // why the client left, once it said so
  std::atomic<int> disagreements = 0;
  uint64_t cut_after_opening = 0;  // the stream breaks once, when this round has been opened
  int streams() const { return streams_; }

 private:
  bool Round(Stream* stream, bool voter) {
    std::vector<float>& x = bundle_.parameters.values;
    v1::ServerMessage message;
    message.mutable_round_open()->set_round(round_ + 1);
    message.mutable_round_open()->set_vote(voter);
    stream->Write(message);
    if (std::exchange(cut_after_opening, cut_after_opening == round_ + 1 ? 0 : cut_after_opening) == round_ + 1) {
      return false;
    }
    SignVector signs{std::vector<uint64_t>(WordsFor(x.size()), 0), {}};
    v1::ClientMessage answer;
    if (voter) {
      do {  // before it comes Applied of the parameters it was given
        if (!stream->Read(&answer)) return false;
        Note(answer);
        if (answer.has_leave()) return false;
      } while (!answer.has_ballot());
      EXPECT_EQ(answer.ballot().round(), round_ + 1);
      EXPECT_TRUE(DecodeSigns(answer.ballot().signs(), x.size(), {}, &signs).ok());
    }
    ++round_;
    v1::DecisionBlock& decision = *message.mutable_decision();
    decision.set_round(round_);
    decision.set_step(1e-3f);
    decision.set_decay(1);
    EncodeSigns(signs.signs, signs.zeros, {}, decision.mutable_signs());
    stream->Write(message);
    ApplyDecision(signs.signs, signs.zeros, {1e-3f, 1}, x);
    message.mutable_round_closed()->set_round(round_);
    *message.mutable_round_closed()->mutable_fingerprint() = ToProto(FingerprintOf(x));
    stream->Write(message);
    do {
      if (!stream->Read(&answer)) return false;
      Note(answer);
      if (answer.has_leave()) return false;
    } while (answer.applied().round() != round_);
    disagreements += FromProto(answer.applied().fingerprint()) != FingerprintOf(x);
    return true;
  }

  void Note(const v1::ClientMessage& message) {
    if (message.has_leave()) reason = message.leave().reason();
    if (message.has_evaluation()) evaluations.push_back(message.evaluation());
  }

  const uint64_t rounds_;
  ModelBundle bundle_;
  uint64_t round_ = 0;
  int streams_ = 0;
};

inline ClientOptions Options(const LocalServer& server, v1::Role role) {
  StartTorch(1);
  ClientOptions options;
  options.servers = {server.address()};
  options.session = {"ada", role, 64, 0, 4};
  options.data.source = *ParseSource("{format: digits}");
  return options;
}

inline std::unique_ptr<Credentials> PlainText() { return *Credentials::Load({}); }

inline ExitCode RunVoter(const ClientOptions& options) {
  Inbox inbox;
  const auto trainer = Trainer::Make(options);
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return Runner(options, trainer->get(), nullptr, PlainText().get(), &inbox).Run();
}

inline ExitCode RunObserver(const ClientOptions& options) {
  Inbox inbox;
  const auto evaluator =
      Evaluator::Make(options, [&](const action::Evaluate& of, const absl::StatusOr<v1::Evaluation>& result) {
        inbox.Post(event::EvaluationDone{of, result});
      });
  EXPECT_TRUE(evaluator.ok()) << evaluator.status();
  return Runner(options, nullptr, evaluator->get(), PlainText().get(), &inbox).Run();
}

}  // namespace signvote
