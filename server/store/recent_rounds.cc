#include "server/store/recent_rounds.h"

#include <algorithm>

#include "common/status.h"

namespace signvote {

absl::Status RecentRounds::Add(Bodies bodies) {
  Kept kept;
  for (std::string_view body : bodies) {
    ASSIGN_OR_RETURN(const RecordPart part, PartOf(body));
    if (part.kind == v1::JournalRecord::kDecision) kept.decisions.emplace_back(part.payload);
    if (part.kind != v1::JournalRecord::kRound) continue;
    if (!kept.round.ParseFromArray(part.payload.data(), static_cast<int>(part.payload.size()))) {
      return Error(absl::StatusCode::kDataLoss, "a RoundRecord cannot be parsed");
    }
  }
  if (kept.round.round() == 0) return absl::OkStatus();
  if (!kept_.empty() && kept_.back().round.round() + 1 != kept.round.round()) kept_.clear();
  kept_.push_back(std::move(kept));
  if (kept_.size() > limit_) kept_.pop_front();
  return absl::OkStatus();
}

std::vector<RecentRound> RecentRounds::Take(uint64_t round, const Fingerprint& fingerprint) {
  std::vector<RecentRound> recent;
  if (kept_.empty() || kept_.back().round.round() != round) return recent;
  Fingerprint after = fingerprint;
  for (auto kept = kept_.rbegin(); kept != kept_.rend(); ++kept) {
    RecentRound& one = recent.emplace_back();
    one.number = kept->round.round();
    one.step = {kept->round.step(), kept->round.decay()};
    one.ballots = static_cast<uint32_t>(kept->round.voters_size());
    one.fingerprint = std::exchange(after, FromProto(kept->round.before()));
    for (const std::string& bytes : kept->decisions) {
      v1::DecisionRecord decision;
      if (!decision.ParseFromString(bytes)) return {};
      one.decisions.push_back(std::move(*decision.mutable_signs()));
    }
  }
  std::reverse(recent.begin(), recent.end());
  kept_.clear();
  return recent;
}

}  // namespace signvote
