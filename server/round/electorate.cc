#include "server/round/electorate.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {

std::vector<VoterId> Electorate::Close(uint64_t round, std::span<const VoterId> voters) {
  for (VoterId voter : voters) last_heard_[voter] = round;
  std::erase_if(last_heard_, [&](const auto& entry) { return entry.second + kMemory < round; });
  std::vector<VoterId> electorate;
  for (const auto& [voter, heard] : last_heard_) {
    if (!evicted_.contains(voter) || heard == round) electorate.push_back(voter);
  }
  return electorate;
}

void Electorate::SetEvicted(VoterId voter, bool evicted) {
  if (evicted) {
    evicted_.insert(voter);
  } else {
    evicted_.erase(voter);
  }
}

void Electorate::Save(std::string* out) const {
  PutRaw(out, uint64_t{last_heard_.size()});
  for (const auto& [voter, round] : last_heard_) {
    PutRaw(out, voter);
    PutRaw(out, round);
  }
  PutRaw(out, uint64_t{evicted_.size()});
  for (VoterId voter : evicted_) PutRaw(out, voter);
}

absl::Status Electorate::Restore(std::string_view bytes) {
  Electorate restored;
  uint64_t heard = 0, evicted = 0;
  bool whole = TakeRaw(&bytes, &heard);
  for (uint64_t i = 0; whole && i < heard; ++i) {
    VoterId voter;
    uint64_t round;
    whole = TakeRaw(&bytes, &voter) && TakeRaw(&bytes, &round);
    whole = whole && (restored.last_heard_.empty() || restored.last_heard_.rbegin()->first < voter);
    if (whole) restored.last_heard_.emplace_hint(restored.last_heard_.end(), voter, round);
  }
  whole = whole && TakeRaw(&bytes, &evicted);
  for (uint64_t i = 0; whole && i < evicted; ++i) {
    VoterId voter;
    whole = TakeRaw(&bytes, &voter);
    whole = whole && (restored.evicted_.empty() || *restored.evicted_.rbegin() < voter);
    if (whole) restored.evicted_.insert(restored.evicted_.end(), voter);
  }
  if (!whole || !bytes.empty())
    return InvalidArgument("the saved electorate is cut short, or its voters do not ascend");
  *this = std::move(restored);
  return absl::OkStatus();
}

std::vector<VoterId> DrawElectorate(std::span<const VoterId> candidates, uint32_t n, uint64_t seed, uint64_t round) {
  std::vector<VoterId> drawn(candidates.begin(), candidates.end());
  if (n == 0 || drawn.size() <= n) return drawn;
  // Each candidate draws a ticket of its own, so that who else is present does not change it.
  const uint64_t key = Key(seed, Purpose::kElectorate, 0, round);
  auto ticket = [key](VoterId voter) { return Mix(key ^ voter); };
  std::nth_element(drawn.begin(), drawn.begin() + n, drawn.end(),
                   [&](VoterId a, VoterId b) { return ticket(a) < ticket(b); });
  drawn.resize(n);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace signvote
