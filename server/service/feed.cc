#include "server/service/feed.h"

#include <algorithm>
#include <utility>

namespace signvote {
namespace {

constexpr uint64_t kChunkBytes = 128 * 1024;

}  // namespace

Frame MakeFrame(const v1::ServerMessage& message) {
  return std::make_shared<const std::string>(message.SerializeAsString());
}

DecisionFrames MakeDecision(uint64_t round, Step step, uint64_t block, const SignVector& decision,
                            const SignVector* before, bool is_tentative) {
  v1::ServerMessage message;
  v1::DecisionBlock& said = *message.mutable_decision();
  said.set_round(round);
  said.set_block(block);
  said.set_step(step.size);
  said.set_decay(step.decay);
  said.set_tentative(is_tentative);
  EncodeSigns(decision.signs, decision.zeros, {}, said.mutable_signs());
  DecisionFrames frames;
  frames.next = frames.plain = MakeFrame(message);
  if (before == nullptr || before->signs.empty()) return frames;
  EncodeSigns(decision.signs, decision.zeros, before->signs, said.mutable_signs());
  if (said.signs().signs_coding() == v1::SignBlock::DIFFERENCE) frames.next = MakeFrame(message);
  return frames;
}

void Feed::Say(const v1::ServerMessage& message) { said_.push_back(MakeFrame(message)); }

void Feed::Start(bool send_model, uint64_t from) {
  next_round_ = from;
  offset_ = 0;
  if (send_model) {
    stage_ = Stage::kModel;
  } else {
    from == 0 ? Load() : Follow(from);
  }
}

void Feed::Follow(uint64_t from) {
  stage_ = Stage::kFollowing;
  next_round_ = from;
  next_block_ = 0;
  is_ahead_ = false;
  has_decision_before_ = false;
  announced_ = 0;
}

void Feed::Load() {
  stage_ = Stage::kParameters;
  offset_ = 0;
  snapshot_.reset();
}

Feed::Item Feed::Next(const Broadcast& broadcast, bool asked, float magnitude) {
  if (!said_.empty()) {
    Frame frame = said_.front();
    said_.pop_front();
    return {frame, Kind::kControl};
  }
  if (stage_ == Stage::kModel) {
    if (Frame frame = NextModelChunk(broadcast)) return {frame, Kind::kJoin};
  }
  if (stage_ == Stage::kFollowing && next_round_ <= broadcast.closed && !broadcast.history.Find(next_round_)) Load();
  if (stage_ == Stage::kParameters) {
    if (Frame frame = NextParameters(broadcast)) return {frame, Kind::kJoin};
  }
  if (stage_ != Stage::kFollowing) return {};
  // What the client missed while it was away is catching up; what closes while it follows is the round.
  const bool is_catching_up = announced_ == 0;
  const uint64_t round = next_round_;
  if (Frame frame = NextDecision(broadcast)) {
    const Kind kind = next_round_ == round ? Kind::kRound : Kind::kRoundEnd;
    return {frame, is_catching_up ? Kind::kJoin : kind};
  }
  return {Opening(broadcast, asked, magnitude), Kind::kRound};
}

Frame Feed::NextModelChunk(const Broadcast& broadcast) {
  const std::string& module = broadcast.module;
  if (offset_ == module.size()) {
    next_round_ == 0 ? Load() : Follow(next_round_);
    return nullptr;
  }
  v1::ServerMessage message;
  v1::ModelChunk& chunk = *message.mutable_model();
  chunk.set_offset(offset_);
  chunk.set_data(module.substr(offset_, kChunkBytes));
  offset_ += chunk.data().size();
  return MakeFrame(message);
}

Frame Feed::NextParameters(const Broadcast& broadcast) {
  std::shared_ptr<const Snapshot> snapshot = snapshot_.lock();
  if (!snapshot) {
    snapshot = broadcast.snapshot();
    snapshot_ = snapshot;
    offset_ = 0;
    if (!snapshot) return nullptr;
  }
  const uint64_t total = snapshot->parameters->size();
  if (offset_ == total) {
    Follow(snapshot->round + 1);
    return nullptr;
  }
  const uint64_t count = std::min(total - offset_, kChunkBytes / sizeof(float));
  v1::ServerMessage message;
  v1::ParametersChunk& chunk = *message.mutable_parameters();
  chunk.set_round(snapshot->round);
  chunk.set_offset(broadcast.range.FirstCoordinate() + offset_);
  chunk.set_data(snapshot->parameters->data() + offset_, count * sizeof(float));
  offset_ += count;
  if (offset_ == total) {
    chunk.set_last(true);
    *chunk.mutable_fingerprint() = ToProto(snapshot->fingerprint);
  }
  return MakeFrame(message);
}

Frame Feed::NextDecision(const Broadcast& broadcast) {
  const ClosedRound* round = broadcast.history.Find(next_round_);
  if (!round) return NextTentative(broadcast);
  if (std::exchange(is_ahead_, false) && next_block_ > round->kept) next_block_ = 0;
  if (next_block_ < round->decisions.size()) return NextBlock(*round);
  if (!round->closed) return nullptr;
  ++next_round_;
  next_block_ = 0;
  has_decision_before_ = true;
  return round->closed;
}

Frame Feed::NextTentative(const Broadcast& broadcast) {
  const ClosedRound& ahead = broadcast.ahead;
  if (ahead.number != next_round_ || announced_ != next_round_ || next_block_ == ahead.decisions.size()) return nullptr;
  is_ahead_ = true;
  return NextBlock(ahead);
}

Frame Feed::NextBlock(const ClosedRound& round) {
  const DecisionFrames& decision = round.decisions[next_block_++];
  return has_decision_before_ ? decision.next : decision.plain;
}

Frame Feed::Opening(const Broadcast& broadcast, bool asked, float magnitude) {
  if (broadcast.open == 0 || broadcast.open != next_round_) return nullptr;
  if (announced_ == broadcast.open && (was_asked_ || !asked)) return nullptr;
  announced_ = broadcast.open;
  was_asked_ = asked;
  v1::ServerMessage message;
  message.mutable_round_open()->set_round(broadcast.open);
  message.mutable_round_open()->set_vote(asked);
  message.mutable_round_open()->set_magnitude(magnitude);
  return MakeFrame(message);
}

}  // namespace signvote
