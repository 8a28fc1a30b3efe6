#include "server/store/replay.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "common/random.h"
#include "common/status.h"
#include "server/store/round_config.h"

namespace signvote {
namespace {

using v1::JournalRecord;

absl::Status Malformed(std::string_view what) { return Error(absl::StatusCode::kDataLoss, "{}", what); }

// A JournalRecord is one field: its number, and its message still serialised, so that ballots can be parsed in
// parallel.
struct Part {
  int kind = 0;
  std::string_view payload;
};

absl::StatusOr<Part> PartOf(std::string_view body) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(body.data()),
                                            static_cast<int>(body.size()));
  const uint32_t tag = in.ReadTag();
  uint32_t length = 0;
  if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED || !in.ReadVarint32(&length) ||
      length != body.size() - static_cast<size_t>(in.CurrentPosition())) {
    return Malformed("a record is not a JournalRecord of this version");
  }
  return Part{WireFormatLite::GetTagFieldNumber(tag), body.substr(body.size() - length)};
}

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

absl::StatusOr<std::optional<uint64_t>> RoundOf(Bodies bodies) {
  for (std::string_view body : bodies) {
    ASSIGN_OR_RETURN(const Part part, PartOf(body));
    if (part.kind != JournalRecord::kRound) continue;
    v1::RoundRecord round;
    RETURN_IF_ERROR(Parse(part.payload, &round));
    return round.round();
  }
  return std::nullopt;
}

absl::Status Replay::Play(Bodies bodies) {
  std::optional<v1::RoundRecord> round;
  std::vector<std::string_view> planes;
  bool has_ballots = false, is_ended = false;
  for (std::string_view body : bodies) {
    ASSIGN_OR_RETURN(const Part part, PartOf(body));
    if (is_ended) return Malformed("a record follows the end of a round");
    if (part.kind == JournalRecord::kClient && !round) {
      v1::ClientRecord client;
      RETURN_IF_ERROR(Parse(part.payload, &client));
      state_->registry.Apply(client);
      state_->tally.electorate().SetEvicted(client.client_id(), client.evicted());
    } else if (part.kind == JournalRecord::kStep && !round) {
      v1::StepRecord step;
      RETURN_IF_ERROR(Parse(part.payload, &step));
      state_->step_size = step.size();
    } else if (part.kind == JournalRecord::kRound && !round) {
      RETURN_IF_ERROR(Parse(part.payload, &round.emplace()));
    } else if (part.kind == JournalRecord::kRoundEnd && round) {
      is_ended = true;
    } else if ((part.kind == JournalRecord::kBallot || part.kind == JournalRecord::kDecision) && round) {
      has_ballots |= part.kind == JournalRecord::kBallot;
      planes.push_back(part.payload);
    } else {
      return Malformed(fmt::format("a record of kind {} stands where none of its kind belongs", part.kind));
    }
  }
  if (!round) return absl::OkStatus();
  if (!is_ended) return Malformed(fmt::format("round {} has no end", round->round()));
  if (absl::Status status = PlayRound(*round, planes, has_ballots); !status.ok()) {
    return Annotate(status, fmt::format("round {}", round->round()));
  }
  return absl::OkStatus();
}

absl::Status Replay::PlayRound(const v1::RoundRecord& round, std::span<const std::string_view> planes,
                               bool has_ballots) {
  Tally& tally = state_->tally;
  if (round.round() != tally.round() + 1) return Malformed(fmt::format("it follows round {}", tally.round()));
  if (FromProto(round.before()) != tally.fingerprint()) {
    return Malformed(fmt::format("it was taken on parameters of fingerprint {}, those recovered have {}",
                                 FromProto(round.before()).Hex(), tally.fingerprint().Hex()));
  }
  ASSIGN_OR_RETURN(const std::vector<Voter> voters, VotersOf(round));
  const size_t per_block = (has_ballots ? voters.size() : 0) + 1;
  if (planes.size() != per_block * tally.range().count) {
    return Malformed(
        fmt::format("it has {} ballots and decisions, expected {}", planes.size(), per_block * tally.range().count));
  }
  RETURN_IF_ERROR(DecodePlanes(planes, voters, per_block));

  is_exact_ &= has_ballots || voters.empty();
  if (is_exact_) {
    RETURN_IF_ERROR(DecodeAgain(voters));
  } else {
    Follow(voters);
  }
  tally.Apply({round.step(), round.decay()}, parallel_);
  for (const Voter& voter : voters) {
    Client& client = *state_->registry.FindById(voter.id);
    ++client.rounds_counted;
    client.last_ballot = voter.ballot_round;
  }
  ++rounds_;
  return absl::OkStatus();
}

absl::Status Replay::DecodePlanes(std::span<const std::string_view> payloads, std::span<const Voter> voters,
                                  size_t per_block) {
  const BlockRange& range = state_->tally.range();
  const bool has_stripes = std::any_of(voters.begin(), voters.end(), [](const Voter& voter) { return voter.k > 1; });
  uint64_t seed = 0;
  if (has_stripes) {
    ASSIGN_OR_RETURN(seed, Seed());
  }
  planes_.resize(payloads.size());
  std::vector<absl::Status> statuses(payloads.size());
  parallel_(payloads.size(), [&](size_t i) {
    Planes& planes = planes_[i];
    planes.payload = payloads[i];
    planes.block = range.first + i / per_block;
    planes.coordinates = range.Size(planes.block);
    planes.voter.reset();
    planes.stripes.clear();
    if (const size_t place = i % per_block; place + 1 < per_block) {
      const Voter& voter = voters[place];
      planes.voter = place;
      if (voter.k > 1) {
        planes.stripes = VotedStripes({seed, voter.id, voter.ballot_round, voter.k}, planes.block, planes.coordinates);
        planes.coordinates = StripeVotes(planes.stripes, planes.coordinates);
      }
    }
    statuses[i] = Decode(&planes, voters);
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
    voters.push_back({id, round.round() - age, std::max(k, 1u)});
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

absl::Status Replay::Decode(Planes* planes, std::span<const Voter> voters) const {
  thread_local v1::BallotRecord ballot;  // reused: their strings keep their memory
  thread_local v1::DecisionRecord decision;
  uint64_t block = 0;
  const v1::SignBlock* signs = nullptr;
  if (planes->voter) {
    RETURN_IF_ERROR(Parse(planes->payload, &ballot));
    const uint64_t expected = voters[*planes->voter].id;
    if (ballot.client_id() != expected) {
      return Malformed(
          fmt::format("a ballot of {:016x} stands where that of {:016x} belongs", ballot.client_id(), expected));
    }
    block = ballot.block();
    signs = &ballot.signs();
  } else {
    RETURN_IF_ERROR(Parse(planes->payload, &decision));
    block = decision.block();
    signs = &decision.signs();
  }
  if (block != planes->block) return Malformed(fmt::format("block {} stands where {} belongs", block, planes->block));
  const absl::Status status = DecodeSigns(*signs, planes->coordinates, {}, &planes->signs);
  return status.ok() ? status : Malformed(fmt::format("block {}: {}", block, Message(status)));
}

absl::Status Replay::DecodeAgain(std::span<const Voter> voters) {
  Tally& tally = state_->tally;
  std::vector<std::vector<Ballot>> ballots(tally.range().count);
  std::vector<const SignVector*> recorded;
  for (const Planes& planes : planes_) {
    if (planes.voter) {
      ballots[planes.block - tally.range().first].push_back(
          {voters[*planes.voter].id, planes.signs.signs, planes.signs.zeros, planes.stripes});
    } else {
      recorded.push_back(&planes.signs);
    }
  }
  tally.Decode(ballots, parallel_);
  for (size_t i = 0; i < recorded.size(); ++i) {
    if (tally.decisions()[i] == *recorded[i]) continue;
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
  std::vector<SignVector> decisions;
  for (Planes& planes : planes_) {
    if (!planes.voter) decisions.push_back(std::move(planes.signs));
  }
  state_->tally.Follow(ids, std::move(decisions));
}

}  // namespace signvote
