// The server's side of a session as a script of messages: two blocks, the second one short, or one of them; the
// decision of a round is drawn from its number, and the truth is moved coordinate by coordinate.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "common/blocks.h"
#include "common/files.h"
#include "common/fingerprint.h"
#include "common/random.h"
#include "common/sign_vector.h"
#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

class ScriptedServer {
 public:
  static constexpr uint64_t kParameters = kBlockCoordinates + 100;
  static constexpr float kStep = 0.25f;

  explicit ScriptedServer(BlockRange range = BlockRange::All(kParameters)) : range_(range), truth_(kParameters) {
    for (uint64_t n = 0; n < kParameters; ++n) truth_[n] = static_cast<float>(n % 1000) / 8;
  }

  const std::vector<float>& truth() const { return truth_; }
  uint64_t round() const { return round_; }
  v1::RunConfig& config() { return config_; }
  std::string model = "not a real module";
  std::string run = "run";

  v1::ServerMessage Welcome(const std::string& name) {
    v1::ServerMessage message;
    v1::Welcome& welcome = *message.mutable_welcome();
    welcome.set_session("token");
    welcome.set_client_id(ClientId(name));
    welcome.set_run(run);
    welcome.set_round(round_);
    *welcome.mutable_config() = config_;
    welcome.mutable_config()->set_parameters(kParameters);
    welcome.mutable_config()->set_first_block(range_.first);
    welcome.mutable_config()->set_blocks(range_.count);
    v1::Tensor& tensor = *welcome.add_tensors();
    tensor.set_name("weight");
    tensor.add_shape(kParameters / 4);
    tensor.add_shape(4);
    welcome.set_model_sha256(Sha256(model));
    welcome.set_model_size(model.size());
    return message;
  }

  std::vector<v1::ServerMessage> Model() const {
    std::vector<v1::ServerMessage> messages;
    for (size_t at = 0; at < model.size(); at += 10) {
      v1::ModelChunk& chunk = *messages.emplace_back().mutable_model();
      chunk.set_offset(at);
      chunk.set_data(model.substr(at, 10));
    }
    return messages;
  }

  std::vector<v1::ServerMessage> Parameters() const {
    constexpr uint64_t kChunk = 32768;
    std::vector<v1::ServerMessage> messages;
    const uint64_t end = range_.FirstCoordinate() + range_.Coordinates();
    for (uint64_t at = range_.FirstCoordinate(); at < end; at += kChunk) {
      const uint64_t count = std::min(kChunk, end - at);
      v1::ParametersChunk& chunk = *messages.emplace_back().mutable_parameters();
      chunk.set_round(round_);
      chunk.set_offset(at);
      chunk.set_data(truth_.data() + at, count * sizeof(float));
      if (at + count == end) {
        chunk.set_last(true);
        *chunk.mutable_fingerprint() =
            ToProto(FingerprintOf(std::span(truth_).subspan(range_.FirstCoordinate(), range_.Coordinates())));
      }
    }
    return messages;
  }

  v1::ServerMessage Open(bool vote = true) const {
    v1::ServerMessage message;
    message.mutable_round_open()->set_round(round_ + 1);
    message.mutable_round_open()->set_vote(vote);
    return message;
  }

  // Closes the next round: its decisions, then RoundClosed.
  std::vector<v1::ServerMessage> Close() {
    ++round_;
    std::vector<v1::ServerMessage> messages;
    for (const uint64_t block : {0, 1}) {
      v1::ServerMessage message;
      v1::DecisionBlock& decision = *message.mutable_decision();
      decision.set_round(round_);
      decision.set_block(block);
      decision.set_step(kStep);
      decision.set_decay(1);
      const uint64_t begin = block * kBlockCoordinates;
      const uint64_t count = std::min(kParameters - begin, kBlockCoordinates);
      std::vector<uint64_t> signs(WordsFor(count), 0);
      for (uint64_t n = 0; n < count; ++n) {
        // Few signs change from one round to the next, so that differences pay.
        const bool positive = Mix(n / 64) % 2 == 1 || n % 4096 == round_;
        if (positive) signs[n / 64] |= uint64_t{1} << (n % 64);
        truth_[begin + n] += positive ? -kStep : kStep;
      }
      EncodeSigns(signs, {}, before_[block], decision.mutable_signs());
      before_[block] = signs;
      if (range_.Contains(block)) messages.push_back(message);
    }
    v1::RoundClosed& closed = *messages.emplace_back().mutable_round_closed();
    closed.set_round(round_);
    *closed.mutable_fingerprint() =
        ToProto(FingerprintOf(std::span(truth_).subspan(range_.FirstCoordinate(), range_.Coordinates())));
    return messages;
  }

  // The next decisions do not refer to earlier ones.
  void ForgetDecisions() { before_[0].clear(), before_[1].clear(); }

 private:
  BlockRange range_;          // that it speaks of
  std::vector<float> truth_;  // of all blocks
  uint64_t round_ = 0;
  v1::RunConfig config_;
  std::vector<uint64_t> before_[2];
};

}  // namespace signvote
