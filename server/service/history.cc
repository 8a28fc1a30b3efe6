#include "server/service/history.h"

namespace signvote {

void History::Add(ClosedRound round) {
  rounds_.push_back(std::move(round));
  if (rounds_.size() > kRounds) rounds_.pop_front();
}

const ClosedRound* History::Find(uint64_t number) const {
  if (rounds_.empty() || number < rounds_.front().number || number > rounds_.back().number) return nullptr;
  return &rounds_[number - rounds_.front().number];
}

}  // namespace signvote
