#include "server/service/recovered_round.h"

#include "server/service/feed.h"

namespace signvote {

static_assert(kRecentRounds <= History::kRounds);

ClosedRound RecoveredRound(RecentRound round, uint64_t first_block) {
  ClosedRound frames;
  frames.number = round.number;
  frames.fingerprint = round.fingerprint;
  for (v1::SignBlock& signs : round.decisions) {
    v1::ServerMessage message;
    v1::DecisionBlock& decision = *message.mutable_decision();
    decision.set_round(round.number);
    decision.set_block(first_block + frames.decisions.size());
    decision.set_step(round.step.size);
    decision.set_decay(round.step.decay);
    *decision.mutable_signs() = std::move(signs);
    const Frame frame = MakeFrame(message);
    frames.decisions.push_back({frame, frame});
  }
  v1::ServerMessage message;
  v1::RoundClosed& closed = *message.mutable_round_closed();
  closed.set_round(round.number);
  *closed.mutable_fingerprint() = ToProto(round.fingerprint);
  closed.set_ballots(round.ballots);
  frames.closed = MakeFrame(message);
  return frames;
}

}  // namespace signvote
