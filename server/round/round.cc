#include "server/round/round.h"

#include <fmt/format.h>

namespace signvote {

template <typename Change>
void Round::Update(VoterId id, Change change) {
  Voter& voter = voters_[id];
  ballots_ -= voter.age.has_value();
  waiting_ -= voter.Waited();
  change(voter);
  ballots_ += voter.age.has_value();
  waiting_ += voter.Waited();
}

void Round::Arrive(VoterId voter, bool asked, bool awaited) {
  Update(voter, [&](Voter& v) {
    v.present = true;
    v.asked = asked;
    v.awaited = awaited;
  });
}

void Round::Depart(VoterId voter) {
  Update(voter, [](Voter& v) { v.present = false; });
}

void Round::Vote(VoterId voter, uint32_t age) {
  Update(voter, [&](Voter& v) { v.age = age; });
}

void Round::Evict(VoterId voter) {
  Update(voter, [](Voter& v) { v = Voter{.present = false, .asked = false}; });
}

std::optional<uint32_t> Round::Voted(VoterId voter) const {
  auto found = voters_.find(voter);
  return found == voters_.end() ? std::nullopt : found->second.age;
}

bool Round::MayClose(absl::Time now) const {
  if (LacksQuorum()) return false;
  return waiting_ == 0 || is_certain_ || IsPastDeadline(now);
}

std::string Round::Problem(absl::Time now) const {
  if (ballots_ + waiting_ < options_.quorum) {
    return fmt::format("round {} waits for voters: {} of the {} that rounds.quorum asks for are here", number_,
                       ballots_ + waiting_, options_.quorum);
  }
  if (IsPastDeadline(now) && ballots_ < options_.quorum) {
    return fmt::format("round {} is past its deadline with {} ballots, rounds.quorum asks for {}", number_, ballots_,
                       options_.quorum);
  }
  return "";
}

bool Round::IsMissing(VoterId voter) const {
  auto found = voters_.find(voter);
  return found != voters_.end() && found->second.Waited();
}

std::vector<VoterId> Round::Missing() const {
  std::vector<VoterId> missing;
  for (const auto& [id, voter] : voters_) {
    if (voter.Waited()) missing.push_back(id);
  }
  return missing;
}

std::vector<VoterId> Round::Expected() const {
  std::vector<VoterId> expected;
  for (const auto& [id, voter] : voters_) {
    if (voter.age || voter.Waited()) expected.push_back(id);
  }
  return expected;
}

std::vector<VoterId> Round::Voters() const {
  std::vector<VoterId> voters;
  for (const auto& [id, voter] : voters_) {
    if (voter.age) voters.push_back(id);
  }
  return voters;
}

}  // namespace signvote
