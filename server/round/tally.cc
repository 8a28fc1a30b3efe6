#include "server/round/tally.h"

#include <algorithm>
#include <numeric>

#include "common/bytes.h"
#include "common/status.h"
#include "server/vote/certainty.h"
#include "server/vote/sections.h"

namespace signvote {

void Serially(size_t count, const std::function<void(size_t)>& body) {
  for (size_t i = 0; i < count; ++i) body(i);
}

namespace {

std::vector<VoterId> VotersOf(std::span<const Ballot> ballots) {
  std::vector<VoterId> voters;
  for (const Ballot& ballot : ballots) voters.push_back(ballot.voter);
  return voters;
}

}  // namespace

Tally::Tally(const VoteOptions& options, BlockRange range, std::vector<float> parameters,
             std::span<const TensorShape> tensors)
    : range_(range),
      parameters_(std::make_shared<std::vector<float>>(std::move(parameters))),
      decisions_(range.count),
      ahead_(range.count),
      fingerprint_(FingerprintOf(*parameters_)) {
  for (uint64_t i = 0; i < range.count; ++i) {
    const uint64_t block = range.first + i;
    rules_.push_back(MakeRule(options, {block, range.Size(block), SectionsOf(tensors, range, block)}));
  }
}

// The same planes at the same place are the same votes: they do not change once they are cast.
bool Tally::Ahead::IsOf(uint64_t of_round, std::span<const Ballot> of_ballots,
                        std::span<const VoterId> of_electorate) const {
  const auto is_same = [](const Ballot& a, const Ballot& b) {
    return a.voter == b.voter && a.age == b.age && a.signs.data() == b.signs.data() && a.zeros.data() == b.zeros.data();
  };
  return round == of_round && std::ranges::equal(ballots, of_ballots, is_same) &&
         std::ranges::equal(electorate, of_electorate);
}

size_t Tally::Decode(std::span<const std::vector<Ballot>> ballots, const ParallelFor& parallel) {
  const std::vector<VoterId> electorate = electorate_.Close(round_ + 1, VotersOf(ballots.front()));
  const auto is_ahead = [&](size_t i) { return ahead_[i].IsOf(round_ + 1, ballots[i], electorate); };
  size_t taken = 0;
  while (taken < ahead_.size() && is_ahead(taken)) ++taken;
  parallel(rules_.size(), [&](size_t i) {
    if (i < taken) {
      std::swap(rules_[i], ahead_[i].rule);
      std::swap(decisions_[i], ahead_[i].decision);
    } else {
      rules_[i]->Decode(round_ + 1, ballots[i], electorate, &decisions_[i]);
    }
  });
  return taken;
}

bool Tally::DecodeAhead(size_t first, std::span<const std::vector<Ballot>> ballots, const ParallelFor& parallel) {
  if (!ahead_[first].rule && !rules_[first]->CopyTo(&ahead_[first].rule)) return false;
  const std::vector<VoterId> electorate = Electorate(electorate_).Close(round_ + 1, VotersOf(ballots.front()));
  parallel(ballots.size(), [&](size_t i) {
    Ahead& ahead = ahead_[first + i];
    ahead.round = round_ + 1;
    ahead.electorate = electorate;
    ahead.ballots = ballots[i];
    rules_[first + i]->CopyTo(&ahead.rule);
    ahead.rule->Decode(round_ + 1, ballots[i], electorate, &ahead.decision);
  });
  return true;
}

double Tally::Certainty(std::span<const std::vector<Ballot>> ballots, std::span<const VoterId> missing,
                        const ParallelFor& parallel) const {
  std::vector<VoterId> voters = VotersOf(ballots.front());
  voters.insert(voters.end(), missing.begin(), missing.end());
  std::sort(voters.begin(), voters.end());
  const std::vector<VoterId> electorate = Electorate(electorate_).Close(round_ + 1, voters);
  std::vector<double> certain(rules_.size());
  parallel(rules_.size(), [&](size_t i) {
    const uint64_t block = range_.first + i;
    const double share = CertainShare(*rules_[i], {block, range_.Size(block)}, ballots[i], missing, electorate);
    certain[i] = share * static_cast<double>(range_.Size(block));
  });
  return std::accumulate(certain.begin(), certain.end(), 0.0) / static_cast<double>(range_.Coordinates());
}

void Tally::Follow(std::span<const VoterId> voters, std::vector<SignVector> decisions) {
  electorate_.Close(round_ + 1, voters);
  decisions_ = std::move(decisions);
}

std::span<float> Tally::BlockParameters(size_t index) {
  const uint64_t block = range_.first + index;
  return std::span(*parameters_).subspan(range_.Begin(block) - range_.FirstCoordinate(), range_.Size(block));
}

void Tally::Apply(Step step, const ParallelFor& parallel) {
  std::vector<std::span<const float>> blocks;
  for (size_t i = 0; i < rules_.size(); ++i) blocks.push_back(BlockParameters(i));
  FingerprintOfParts fingerprint(blocks);
  parallel(rules_.size(), [&](size_t i) {
    ApplyDecision(decisions_[i].signs, decisions_[i].zeros, step, BlockParameters(i));
    fingerprint.Finish(i);
  });
  fingerprint_ = fingerprint.Digest();
  ++round_;
}

void Tally::Save(std::string* out) const {
  auto put_sized = [out](const auto& saved) {
    std::string part;
    saved.Save(&part);
    PutRaw(out, uint64_t{part.size()});
    *out += part;
  };
  put_sized(electorate_);
  for (const auto& rule : rules_) put_sized(*rule);
}

absl::Status Tally::Restore(uint64_t round, std::vector<float> parameters, std::string_view bytes) {
  if (parameters.size() != range_.Coordinates()) {
    return InvalidArgument("{} parameters, expected {}", parameters.size(), range_.Coordinates());
  }
  auto take_sized = [&bytes](auto& restored) -> absl::Status {
    uint64_t size = 0;
    if (!TakeRaw(&bytes, &size) || size > bytes.size()) return InvalidArgument("the learnt state is cut short");
    RETURN_IF_ERROR(restored.Restore(bytes.substr(0, size)));
    bytes.remove_prefix(size);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(take_sized(electorate_));
  for (auto& rule : rules_) RETURN_IF_ERROR(take_sized(*rule));
  if (!bytes.empty()) return InvalidArgument("{} bytes are left over after the learnt state", bytes.size());
  parameters_ = std::make_shared<std::vector<float>>(std::move(parameters));
  round_ = round;
  fingerprint_ = FingerprintOf(*parameters_);
  return absl::OkStatus();
}

}  // namespace signvote
