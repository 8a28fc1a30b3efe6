#include "server/service/ballot_box.h"

#include <algorithm>

namespace signvote {

PendingBallot BallotBox::NewBallot(VoterId voter, uint32_t k, uint64_t round) const {
  PendingBallot ballot{.round = round, .blocks = {}, .stripes = {}, .missing = range_.count, .fraction = k};
  ballot.blocks.resize(range_.count);
  if (k > 1) {
    for (uint64_t i = 0; i < range_.count; ++i) {
      const uint64_t block = range_.first + i;
      ballot.stripes.push_back(VotedStripes({seed_, voter, round, k}, block, range_.Size(block)));
    }
  }
  return ballot;
}

BallotBox::Outcome BallotBox::Add(VoterId voter, uint32_t k, uint64_t round, uint64_t block,
                                  std::shared_ptr<const SignVector> planes, float magnitude) {
  auto& ballots = round == open_ ? fresh_ : late_;
  auto [entry, is_new] = ballots.try_emplace(voter);
  PendingBallot& ballot = entry->second;
  if (!is_new && ballot.round < round && ballot.IsComplete()) return Outcome::kOlderCounts;
  if (is_new || ballot.round < round) ballot = NewBallot(voter, k, round);
  if (ballot.fraction != k) return Outcome::kConflict;   // the voter came back with another one in mid-ballot
  if (ballot.round > round) return Outcome::kDuplicate;  // a newer one of this voter is on its way: nothing to add
  std::shared_ptr<const SignVector>& slot = ballot.blocks[block - range_.first];
  if (slot) return *slot == *planes ? Outcome::kDuplicate : Outcome::kConflict;
  slot = std::move(planes);
  fresh_on_[block - range_.first] += round == open_;
  ballot.magnitude = std::max(ballot.magnitude, magnitude);
  return --ballot.missing == 0 ? Outcome::kCompleted : Outcome::kAdded;
}

std::map<VoterId, uint64_t> BallotBox::CompleteLate() const {
  std::map<VoterId, uint64_t> complete;
  for (const auto& [voter, ballot] : late_) {
    if (ballot.IsComplete()) complete.emplace(voter, ballot.round);
  }
  return complete;
}

void BallotBox::Discard(VoterId voter) {
  if (auto found = fresh_.find(voter); found != fresh_.end()) {
    for (size_t i = 0; i < fresh_on_.size(); ++i) fresh_on_[i] -= found->second.blocks[i] != nullptr;
    fresh_.erase(found);
  }
  late_.erase(voter);
}

std::vector<BlockBallot> BallotBox::Fresh(std::span<const VoterId> voters, size_t index) const {
  std::vector<BlockBallot> votes;
  for (VoterId voter : voters) {
    const auto found = fresh_.find(voter);
    if (found == fresh_.end() || !found->second.blocks[index]) return {};
    const PendingBallot& ballot = found->second;
    votes.push_back({voter, ballot.blocks[index], {}});
    if (!ballot.stripes.empty()) votes.back().stripes = ballot.stripes[index];
  }
  return votes;
}

std::map<VoterId, PendingBallot> BallotBox::Peek(std::span<const VoterId> voters) const {
  std::map<VoterId, PendingBallot> complete;
  for (VoterId voter : voters) {
    for (const auto* ballots : {&fresh_, &late_}) {
      auto found = ballots->find(voter);
      if (found == ballots->end() || !found->second.IsComplete()) continue;
      complete.emplace(voter, found->second);
      break;
    }
  }
  return complete;
}

std::map<VoterId, PendingBallot> BallotBox::Close(uint64_t open, std::span<const VoterId> voters,
                                                  uint32_t max_staleness) {
  std::map<VoterId, PendingBallot> counted = Peek(voters);
  for (VoterId voter : voters) {
    if (auto found = fresh_.find(voter); found != fresh_.end() && found->second.IsComplete()) fresh_.erase(found);
    late_.erase(voter);
  }
  for (auto& [voter, ballot] : fresh_) late_.insert_or_assign(voter, std::move(ballot));
  fresh_.clear();
  std::ranges::fill(fresh_on_, 0);
  open_ = open + 1;
  std::erase_if(late_, [&](const auto& late) { return open_ - late.second.round > max_staleness; });
  return counted;
}

bool Abstains(const PendingBallot& ballot, const BlockRange& range) {
  for (size_t i = 0; i < ballot.blocks.size(); ++i) {
    const uint64_t size = range.Size(range.first + i);
    const uint64_t votes = ballot.stripes.empty() ? size : StripeVotes(ballot.stripes[i], size);
    const std::vector<uint64_t>& zeros = ballot.blocks[i]->zeros;
    if (zeros.empty()) return false;
    for (uint64_t n = 0; n < votes; n += 64) {
      const uint64_t all = votes - n >= 64 ? ~uint64_t{0} : (uint64_t{1} << (votes - n)) - 1;
      if (zeros[n / 64] != all) return false;  // the first word says it of nearly every ballot
    }
  }
  return true;
}

std::vector<std::vector<Ballot>> BallotsByBlock(const std::map<VoterId, PendingBallot>& ballots, uint64_t round,
                                                size_t blocks) {
  std::vector<std::vector<Ballot>> result(blocks);
  for (const auto& [voter, ballot] : ballots) {
    for (size_t i = 0; i < blocks; ++i) {
      Ballot view{
          voter, ballot.blocks[i]->signs, ballot.blocks[i]->zeros, {}, static_cast<uint32_t>(round - ballot.round)};
      if (!ballot.stripes.empty()) view.stripes = ballot.stripes[i];
      result[i].push_back(view);
    }
  }
  return result;
}

std::vector<Ballot> BallotsOf(std::span<const BlockBallot> votes) {
  std::vector<Ballot> ballots;
  for (const BlockBallot& vote : votes) {
    ballots.push_back({vote.voter, vote.planes->signs, vote.planes->zeros, vote.stripes});
  }
  return ballots;
}

}  // namespace signvote
