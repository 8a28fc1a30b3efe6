// Blocks decided while ballots still come in, so that decisions go down a link while votes go up it.
//
// A block on which everyone that the round waits for has voted is decoded on a copy, and its decision is sent as
// tentative: nothing that is learnt moves, nothing is journalled, and clients do not apply it yet. When the round
// closes on the very ballots that it was decoded from, as nearly every round does, the copy takes the original's place
// and the decision stands; else the block is decoded and sent again.
#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "server/service/federation.h"

namespace signvote {

void Federation::DecideAheadIfDue() {
  if (!decides_ahead_ || is_deciding_ahead_ || !round_) return;
  // The last block makes ballots whole: its decision comes with the round's end.
  const size_t next = broadcast_.ahead.decisions.size(), expected = round_->ballots() + round_->waiting();
  if (next + 1 >= range_.count || box_.FreshOn(next) < std::max<size_t>(expected, options_.rounds.quorum)) return;
  is_deciding_ahead_ = true;
  environment_.run([this] { DecideAhead(); });
}

void Federation::DecideAhead() {
  std::vector<std::vector<BlockBallot>> blocks;
  {
    MutexLock lock(mu_);
    is_deciding_ahead_ = false;
    if (!round_) return;
    const Step step = StepFor(StepNow(), round_->number(), options_.rounds.total);
    if (ahead_.round != round_->number()) ahead_ = {round_->number(), step, {}, {}};
    if (ahead_.step != step) return;
    const std::vector<VoterId> voters = round_->Expected();
    for (size_t next = ahead_.frames.size(); next + 1 < range_.count; ++next) {
      std::vector<BlockBallot> votes = box_.Fresh(voters, next);
      if (votes.empty()) break;
      blocks.push_back(std::move(votes));
    }
  }
  if (blocks.empty()) return;
  std::vector<std::vector<signvote::Ballot>> ballots;
  for (const std::vector<BlockBallot>& votes : blocks) {
    ballots.push_back(BallotsOf(votes));
    for (const BlockBallot& vote : votes) ahead_.planes.push_back(vote.planes);
  }
  const size_t first = ahead_.frames.size();
  bool is_decided = false;
  {
    CoreLock core(this);
    is_decided = tally_.DecodeAhead(first, ballots, environment_.parallel);
    const std::span<const SignVector> before = tally_.decisions();
    std::vector<const SignVector*> decisions;
    for (size_t i = 0; is_decided && i < blocks.size(); ++i) decisions.push_back(&tally_.decision_ahead(first + i));
    ahead_.frames.resize(first + decisions.size());
    environment_.parallel(decisions.size(), [&](size_t i) {
      const size_t index = first + i;
      ahead_.frames[index] = MakeDecision(ahead_.round, ahead_.step, range_.first + index, *decisions[i],
                                          options_.vote.carry > 0 ? &before[index] : nullptr, true);
    });
  }
  Locked locked(this);
  decides_ahead_ = is_decided;
  if (!is_decided) return;
  broadcast_.ahead.number = ahead_.round;
  broadcast_.ahead.decisions = ahead_.frames;
  for (const auto& [id, session] : sessions_) wake_.insert(id);
  DecideAheadIfDue();
}

}  // namespace signvote
