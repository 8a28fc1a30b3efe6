#include "client/session/replica.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/status.h"

namespace signvote {

void Replica::Reset(const BlockRange& range) {
  range_ = range;
  if (parameters_->size() != range.parameters) *parameters_ = std::vector<float>(range.parameters, 0.0f);
  Forget();
}

void Replica::Forget() {
  loaded_ = false;
  round_ = 0;
  fingerprint_ = {};
  loaded_coordinates_ = 0;
  blocks_.assign(range_.count, {});
}

bool Replica::IsMoving() const {
  return std::any_of(blocks_.begin(), blocks_.end(), [](const Block& block) { return block.decided; });
}

std::span<float> Replica::Own() const {
  return std::span<float>(*parameters_).subspan(range_.FirstCoordinate(), range_.Coordinates());
}

absl::StatusOr<bool> Replica::Load(const v1::ParametersChunk& chunk) {
  if (loaded_ || chunk.round() != loading_round_) {
    Forget();
    loading_round_ = chunk.round();
  }
  const uint64_t count = chunk.data().size() / sizeof(float);
  const uint64_t expected = range_.FirstCoordinate() + loaded_coordinates_;
  if (chunk.offset() == range_.FirstCoordinate() && chunk.offset() != expected) {
    loaded_coordinates_ = 0;  // the server starts over with the same round
  } else if (chunk.offset() != expected) {
    return InvalidArgument("parameters of round {} come from coordinate {}, expected {}", chunk.round(), chunk.offset(),
                           expected);
  }
  const uint64_t left = range_.Coordinates() - loaded_coordinates_;
  if (chunk.data().size() % sizeof(float) != 0 || count > left || chunk.last() != (count == left)) {
    return InvalidArgument(
        "a chunk of {} bytes of parameters at coordinate {}, expected at most {} coordinates, the "
        "last chunk marked as such",
        chunk.data().size(), chunk.offset(), left);
  }
  std::memcpy(Own().data() + loaded_coordinates_, chunk.data().data(), chunk.data().size());
  loaded_coordinates_ += count;
  if (!chunk.last()) return false;
  fingerprint_ = FingerprintOf(Own());
  if (fingerprint_ != FromProto(chunk.fingerprint())) {
    return Error(absl::StatusCode::kDataLoss,
                 "the parameters after round {} came with fingerprint {}, the server's have {}", chunk.round(),
                 fingerprint_.Hex(), FromProto(chunk.fingerprint()).Hex());
  }
  loaded_ = true;
  round_ = chunk.round();
  return true;
}

absl::Status Replica::Apply(const v1::DecisionBlock& decision) {
  if (!loaded_ || decision.round() != round_ + 1) {
    return InvalidArgument("a decision of round {}, expected {}", decision.round(),
                           loaded_ ? fmt::format("one of round {}", round_ + 1) : "parameters first");
  }
  if (!range_.Contains(decision.block())) {
    return InvalidArgument("a decision on block {}, expected {} to {}", decision.block(), range_.first,
                           range_.first + range_.count - 1);
  }
  Block& block = blocks_[decision.block() - range_.first];
  if (block.decided) return absl::OkStatus();
  const uint64_t size = range_.Size(decision.block());
  for (size_t i = decision.block() - range_.first; i < blocks_.size(); ++i) blocks_[i].kept = false;
  absl::Status status = DecodeSigns(decision.signs(), size, block.signs, &block.next);
  if (!status.ok()) {
    return Annotate(status, fmt::format("decision of round {} on block {}", decision.round(), decision.block()));
  }
  block.step = {decision.step(), decision.decay()};
  block.kept = true;
  if (!decision.tentative()) ApplyKept();
  return absl::OkStatus();
}

void Replica::ApplyKept() {
  for (uint64_t i = 0; i < blocks_.size(); ++i) {
    Block& block = blocks_[i];
    if (!std::exchange(block.kept, false)) continue;
    const uint64_t number = range_.first + i;
    ApplyDecision(block.next.signs, block.next.zeros, block.step,
                  std::span<float>(*parameters_).subspan(range_.Begin(number), range_.Size(number)));
    std::swap(block.signs, block.next.signs);
    block.decided = true;
  }
}

void Replica::DropTentative() {
  for (Block& block : blocks_) block.kept = false;
}

absl::StatusOr<bool> Replica::Close(const v1::RoundClosed& closed) {
  if (!loaded_ || closed.round() != round_ + 1) {
    return InvalidArgument("round {} closes, expected {}", closed.round(),
                           loaded_ ? fmt::format("round {}", round_ + 1) : "parameters first");
  }
  ApplyKept();
  const auto missing = std::find_if(blocks_.begin(), blocks_.end(), [](const Block& block) { return !block.decided; });
  if (missing != blocks_.end()) {
    return InvalidArgument("round {} closes without a decision on block {}", closed.round(),
                           range_.first + static_cast<uint64_t>(missing - blocks_.begin()));
  }
  for (Block& block : blocks_) block.decided = false;
  round_ = closed.round();
  fingerprint_ = FingerprintOf(Own());
  return fingerprint_ == FromProto(closed.fingerprint());
}

}  // namespace signvote
