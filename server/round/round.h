// One open round as a state machine: who is asked, who has voted, and whether it may close.
//
// Pure: time comes in, verdicts come out; ballots themselves live elsewhere, named by voter. A round closes when every
// voter that is asked, present and awaited has voted, when those who have not cannot change enough (close_early), or at
// its deadline, always with at least `quorum` ballots; with fewer it stays open.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "server/vote/rule.h"

namespace signvote {

struct RoundOptions {
  uint64_t total = 150;
  uint32_t quorum = 1;
  absl::Duration deadline = absl::Seconds(60);
  double close_early = 0;      // close once this share of the coordinates is certain; 0: wait for everyone
  uint32_t max_staleness = 0;  // rounds
  uint32_t electorate = 0;     // voters asked a round; 0: all
  uint64_t voters = 0;         // expected in all, for the plan of memory; 0: quorum and electorate say
};

class Round {
 public:
  Round(const RoundOptions& options, uint64_t number, absl::Time opened)
      : options_(options), number_(number), deadline_(opened + options.deadline) {}

  uint64_t number() const { return number_; }

  // `asked` is false for a voter that the draw left out: it is not waited for, its ballot is refused. One that is not
  // `awaited` may vote, and the round does not wait for it.
  void Arrive(VoterId voter, bool asked, bool awaited = true);
  void Depart(VoterId voter);
  // Its complete ballot is in, `age` rounds old. A fresh ballot (age 0) replaces a late one. Departing takes no vote
  // back.
  void Vote(VoterId voter, uint32_t age);
  // An evicted voter's ballot is not counted, nor is it waited for.
  void Evict(VoterId voter);

  // The age of the ballot that is in, if one is.
  std::optional<uint32_t> Voted(VoterId voter) const;

  // The share of its decision that is certain by now.
  void SetCertainty(double share) { is_certain_ = options_.close_early > 0 && share >= options_.close_early; }

  bool MayClose(absl::Time now) const;
  bool IsPastDeadline(absl::Time now) const { return now >= deadline_; }
  // When to look again although nothing happened: the deadline, or never once it has passed.
  absl::Time NextLook(absl::Time now) const { return IsPastDeadline(now) ? absl::InfiniteFuture() : deadline_; }
  // Why it does not close, a sentence for the administrator; empty while it is simply collecting.
  std::string Problem(absl::Time now) const;

  bool LacksQuorum() const { return ballots_ == 0 || ballots_ < options_.quorum; }
  bool IsMissing(VoterId voter) const;

  // Those with a ballot in, ascending, and the ages of these ballots.
  std::vector<VoterId> Voters() const;
  // Asked, present, awaited, not voted; ascending.
  std::vector<VoterId> Missing() const;
  // Both together: those on whose ballots it closes, unless somebody comes or goes. Ascending.
  std::vector<VoterId> Expected() const;
  uint32_t ballots() const { return ballots_; }
  uint32_t waiting() const { return waiting_; }  // as many as are missing

 private:
  struct Voter {
    bool present = false;
    bool asked = true;
    bool awaited = true;
    std::optional<uint32_t> age;  // of its ballot
    bool Waited() const { return present && asked && awaited && !age; }
  };
  // Changes one voter and keeps the counts.
  template <typename Change>
  void Update(VoterId voter, Change change);

  RoundOptions options_;
  uint64_t number_;
  absl::Time deadline_;
  std::map<VoterId, Voter> voters_;
  uint32_t ballots_ = 0;
  uint32_t waiting_ = 0;
  bool is_certain_ = false;
};

}  // namespace signvote
