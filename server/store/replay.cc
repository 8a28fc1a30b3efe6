#include "server/store/replay.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "common/random.h"
#include "common/status.h"
#include "server/store/round_config.h"

namespace signvote {
namespace {

using v1::JournalRecord;

absl::Status Malformed(std::string_view what) { return Error(absl::StatusCode::kDataLoss, "{}", what); }

template <typename Message>
absl::Status Parse(std::string_view payload, Message* message) {
  if (!message->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return Malformed(fmt::format("a {} cannot be parsed", message->GetDescriptor()->name()));
  }
  return absl::OkStatus();
}

absl::Status FirstError(std::span<const absl::Status> statuses) {
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecordPart> PartOf(std::string_view body) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(body.data()),
                                            static_cast<int>(body.size()));
  const uint32_t tag = in.ReadTag();
  uint32_t length = 0;
  if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED || !in.ReadVarint32(&length) ||
      length != body.size() - static_cast<size_t>(in.CurrentPosition())) {
    return Malformed("a record is not a JournalRecord of this version");
  }
  return RecordPart{WireFormatLite::GetTagFieldNumber(tag), body.substr(body.size() - length)};
}

absl::StatusOr<std::optional<uint64_t>> RoundOf(Bodies bodies) {
  for (std::string_view body : bodies) {
    ASSIGN_OR_RETURN(const RecordPart part, PartOf(body));
    if (part.kind != JournalRecord::kRound) continue;
    v1::RoundRecord round;
    RETURN_IF_ERROR(Parse(part.payload, &round));
    return round.round();
  }
  return std::nullopt;
}

absl::Status Replay::Play(Bodies bodies) {
  RoundParts parts;
  for (std::string_view body : bodies) {
    ASSIGN_OR_RETURN(const RecordPart part, PartOf(body));
    if (parts.is_ended) return Malformed("a record follows the end of a round");
    if (part.kind == JournalRecord::kClient && !parts.round) {
      v1::ClientRecord client;
      RETURN_IF_ERROR(Parse(part.payload, &client));
      state_->registry.Apply(client);
      state_->tally.electorate().SetEvicted(client.client_id(), client.evicted());
    } else if (part.kind == JournalRecord::kStep && !parts.round) {
      v1::StepRecord step;
      RETURN_IF_ERROR(Parse(part.payload, &step));
      state_->step_size = step.size();
    } else if (part.kind == JournalRecord::kRound && !parts.round) {
      RETURN_IF_ERROR(Parse(part.payload, &parts.round.emplace()));
    } else if (part.kind == JournalRecord::kBallot && parts.decisions.empty()) {
      parts.ballots.push_back(part.payload);
    } else if (part.kind == JournalRecord::kDecision && parts.round) {
      parts.decisions.push_back(part.payload);
    } else if (part.kind == JournalRecord::kRoundEnd && parts.round) {
      parts.is_ended = true;
    } else {
      return Malformed(fmt::format("a record of kind {} stands where none of its kind belongs", part.kind));
    }
  }
  if (!parts.round) return absl::OkStatus();
  const uint64_t number = parts.round->round();
  if (!parts.is_ended) return Malformed(fmt::format("round {} has no end", number));
  if (absl::Status status = PlayRound(parts); !status.ok()) return Annotate(status, fmt::format("round {}", number));
  return absl::OkStatus();
}

absl::Status Replay::PlayRound(const RoundParts& parts) {
  const v1::RoundRecord& round = *parts.round;
  Tally& tally = state_->tally;
  if (round.round() != tally.round() + 1) return Malformed(fmt::format("it follows round {}", tally.round()));
  if (FromProto(round.before()) != tally.fingerprint()) {
    return Malformed(fmt::format("it was taken on parameters of fingerprint {}, those recovered have {}",
                                 FromProto(round.before()).Hex(), tally.fingerprint().Hex()));
  }
  ASSIGN_OR_RETURN(const std::vector<Voter> voters, VotersOf(round));
  RETURN_IF_ERROR(DecodeDecisions(parts.decisions));

  is_exact_ &= !parts.ballots.empty() || voters.empty();
  if (is_exact_) {
    RETURN_IF_ERROR(DecodeBallots(parts.ballots, voters));
    RETURN_IF_ERROR(DecodeAgain(voters));
  } else {
    Follow(voters);
  }
  tally.Apply({round.step(), round.decay()}, parallel_);
  for (const Voter& voter : voters) {
    state_->registry.FindById(voter.id)->Count(voter.ballot_round, voter.magnitude, voter.abstained);
  }
  ++rounds_;
  return absl::OkStatus();
}

absl::Status Replay::DecodeBallots(std::span<const std::string_view> payloads, std::span<const Voter> voters) {
  const BlockRange& range = state_->tally.range();
  uint64_t seed = 0;
  if (std::any_of(voters.begin(), voters.end(), [](const Voter& voter) { return voter.k > 1; })) {
    ASSIGN_OR_RETURN(seed, Seed());
  }
  ballots_.resize(voters.size() * range.count);
  for (Planes& planes : ballots_) planes.is_there = false;
  std::vector<absl::Status> statuses(payloads.size());
  parallel_(payloads.size(), [&](size_t i) {
    thread_local v1::BallotRecord ballot;  // reused: its strings keep their memory
    statuses[i] = Parse(payloads[i], &ballot);
    const auto voter = std::lower_bound(voters.begin(), voters.end(), ballot.client_id(),
                                        [](const Voter& v, uint64_t id) { return v.id < id; });
    // Written ahead and then not counted.
    if (!statuses[i].ok() || voter == voters.end() || voter->id != ballot.client_id() ||
        voter->ballot_round != ballot.round() || !range.Contains(ballot.block())) {
      return;
    }
    const uint64_t block = ballot.block();
    Planes& planes = ballots_[(block - range.first) * voters.size() + static_cast<size_t>(voter - voters.begin())];
    // Each place is written once: two threads meet here only over a journal that holds a ballot twice.
    if (std::atomic_ref(planes.is_there).exchange(true)) {
      statuses[i] = Malformed(fmt::format("block {}: the ballot of {:016x} is there twice", block, voter->id));
      return;
    }
    uint64_t votes = range.Size(block);
    planes.stripes.clear();
    if (voter->k > 1) {
      planes.stripes = VotedStripes({seed, voter->id, voter->ballot_round, voter->k}, block, votes);
      votes = StripeVotes(planes.stripes, votes);
    }
    if (absl::Status status = DecodeSigns(ballot.signs(), votes, {}, &planes.signs); !status.ok()) {
      statuses[i] = Malformed(fmt::format("block {}: {}", block, Message(status)));
    }
  });
  RETURN_IF_ERROR(FirstError(statuses));
  for (size_t i = 0; i < ballots_.size(); ++i) {
    if (ballots_[i].is_there) continue;
    return Malformed(fmt::format("block {}: the ballot of {:016x} is missing", range.first + i / voters.size(),
                                 voters[i % voters.size()].id));
  }
  return absl::OkStatus();
}

absl::Status Replay::DecodeDecisions(std::span<const std::string_view> payloads) {
  const BlockRange& range = state_->tally.range();
  if (payloads.size() != range.count) {
    return Malformed(fmt::format("it has {} decisions, expected {}", payloads.size(), range.count));
  }
  decisions_.resize(payloads.size());
  std::vector<absl::Status> statuses(payloads.size());
  parallel_(payloads.size(), [&](size_t i) {
    thread_local v1::DecisionRecord decision;
    const uint64_t block = range.first + i;
    statuses[i] = Parse(payloads[i], &decision);
    if (!statuses[i].ok()) return;
    if (decision.block() != block) {
      statuses[i] = Malformed(fmt::format("block {} stands where {} belongs", decision.block(), block));
    } else if (absl::Status status = DecodeSigns(decision.signs(), range.Size(block), {}, &decisions_[i]);
               !status.ok()) {
      statuses[i] = Malformed(fmt::format("block {}: {}", block, Message(status)));
    }
  });
  return FirstError(statuses);
}

absl::StatusOr<std::vector<Replay::Voter>> Replay::VotersOf(const v1::RoundRecord& round) {
  std::vector<Voter> voters;
  for (int i = 0; i < round.voters_size(); ++i) {
    const uint64_t id = round.voters(i);
    if (!voters.empty() && id <= voters.back().id) return Malformed("its voters do not ascend");
    const Client* client = state_->registry.FindById(id);
    if (!client) return Malformed(fmt::format("its voter {:016x} was never admitted", id));
    const uint64_t age = i < round.ages_size() ? round.ages(i) : 0;
    const uint32_t k = i < round.fractions_size() ? round.fractions(i) : client->fraction;
    if (age >= round.round()) return Malformed(fmt::format("the ballot of {} is {} rounds old", client->name, age));
    const float magnitude = i < round.magnitudes_size() ? round.magnitudes(i) : 0;
    const bool abstained = std::binary_search(round.abstained().begin(), round.abstained().end(), id);
    voters.push_back({id, round.round() - age, std::max(k, 1u), magnitude, abstained});
  }
  return voters;
}

absl::StatusOr<uint64_t> Replay::Seed() {
  if (!seed_) {
    ASSIGN_OR_RETURN(const RoundConfig config, ParseCanonical(config_));
    seed_ = config.seed;
  }
  return *seed_;
}

absl::Status Replay::DecodeAgain(std::span<const Voter> voters) {
  Tally& tally = state_->tally;
  std::vector<std::vector<Ballot>> ballots(tally.range().count);
  for (size_t i = 0; i < ballots_.size(); ++i) {
    const Planes& planes = ballots_[i];
    const Voter& voter = voters[i % voters.size()];
    const auto age = static_cast<uint32_t>(tally.round() + 1 - voter.ballot_round);
    ballots[i / voters.size()].push_back({voter.id, planes.signs.signs, planes.signs.zeros, planes.stripes, age});
  }
  tally.Decode(ballots, parallel_);
  for (size_t i = 0; i < decisions_.size(); ++i) {
    if (tally.decisions()[i] == decisions_[i]) continue;
    return Malformed(fmt::format(
        "block {}: its ballots decode to another decision than the recorded one: this program computes differently "
        "from the one that wrote the journal (use that one), or the checkpoint is not what it seems",
        tally.range().first + i));
  }
  return absl::OkStatus();
}

void Replay::Follow(std::span<const Voter> voters) {
  std::vector<VoterId> ids;
  for (const Voter& voter : voters) ids.push_back(voter.id);
  state_->tally.Follow(ids, std::exchange(decisions_, {}));
}

}  // namespace signvote
