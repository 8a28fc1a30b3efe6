#include "tests/bench/load_voter.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <cstring>

#include "common/sign_vector.h"
#include "common/status.h"
#include "common/xxhash.h"

namespace signvote {
namespace {

constexpr uint64_t kPrefixBytes = 5;  // gRPC's, a message

// The tag byte of ServerMessage.decision, field 5: a decision is as long as a ballot, and nobody here reads it.
constexpr uint8_t kDecisionTag = 5 << 3 | 2;

bool IsDecision(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  return buffer.Dump(&slices).ok() && !slices.empty() && slices[0].size() > 0 && *slices[0].begin() == kDecisionTag;
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return Error(static_cast<absl::StatusCode>(status.error_code()), "{}", status.error_message());
}

}  // namespace

struct ParameterHash {
  ParameterHash() : state(XXH3_createState()) { XXH3_128bits_reset(state); }
  ~ParameterHash() { XXH3_freeState(state); }
  ParameterHash(const ParameterHash&) = delete;

  XXH3_state_t* state;
};

std::shared_ptr<grpc::Channel> MakeLoadChannel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all channels share one connection
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

LoadVoter::LoadVoter(Swarm* swarm, uint64_t number, const std::shared_ptr<grpc::Channel>& channel)
    : swarm_(swarm), number_(number), name_(fmt::format("{}-{}", swarm->options().prefix, number)), stub_(channel) {}

LoadVoter::~LoadVoter() = default;

void LoadVoter::Join() {
  stub_.PrepareBidiStreamingCall(&context_, "/signvote.v1.Federation/Session", grpc::StubOptions(), this);
  StartCall();
  StartRead(&incoming_);
  v1::ClientMessage message;
  v1::Join& join = *message.mutable_join();
  join.set_protocol(1);
  join.set_name(name_);
  join.set_role(v1::VOTER);
  join.set_batch(1);
  join.set_fraction(swarm_->options().fraction);
  swarm_->Describe(&join);
  MutexLock lock(mu_);
  Say(std::move(message));
}

void LoadVoter::Go() {
  MutexLock lock(mu_);
  if (swarm_->IsDone() && !is_leaving_) {
    is_leaving_ = true;
    ballot_round_ = 0;
    v1::ClientMessage message;
    message.mutable_leave();
    Say(std::move(message));
  }
  Pump();
}

void LoadVoter::OnReadDone(bool ok) {
  if (!ok) {
    MutexLock lock(mu_);
    is_broken_ = true;
    return;
  }
  swarm_->Received(incoming_.Length() + kPrefixBytes);
  if (!IsDecision(incoming_)) {
    v1::ServerMessage message;
    if (grpc::SerializationTraits<v1::ServerMessage>::Deserialize(&incoming_, &message).ok()) Received(message);
  }
  incoming_.Clear();
  StartRead(&incoming_);
}

void LoadVoter::Received(const v1::ServerMessage& message) {
  MutexLock lock(mu_);
  switch (message.message_case()) {
    case v1::ServerMessage::kWelcome:
      welcome_ = message.welcome();
      range_ = {welcome_.config().parameters(), welcome_.config().first_block(), welcome_.config().blocks()};
      break;
    case v1::ServerMessage::kParameters:
      OnParameters(message.parameters());
      break;
    case v1::ServerMessage::kRoundOpen:
      if (!has_arrived_) swarm_->Arrived();
      has_arrived_ = true;
      ballot_round_ = message.round_open().vote() && !is_leaving_ ? message.round_open().round() : 0;
      next_block_ = 0;
      Pump();
      break;
    case v1::ServerMessage::kRoundClosed: {
      v1::ClientMessage applied;
      applied.mutable_applied()->set_round(message.round_closed().round());
      *applied.mutable_applied()->mutable_fingerprint() = message.round_closed().fingerprint();
      Say(std::move(applied));
      swarm_->Closed(message.round_closed());
      break;
    }
    default:
      break;
  }
}

void LoadVoter::OnParameters(const v1::ParametersChunk& chunk) {
  if (chunk.offset() == range_.FirstCoordinate()) {
    if (has_arrived_) swarm_->Reloaded();
    hash_ = std::make_unique<ParameterHash>();
  }
  XXH3_128bits_update(hash_->state, chunk.data().data(), chunk.data().size());
  if (!chunk.last()) return;
  const XXH128_hash_t hash = XXH3_128bits_digest(hash_->state);
  hash_.reset();
  swarm_->Loaded(welcome_, chunk.round(), {hash.high64, hash.low64});
}

void LoadVoter::Say(v1::ClientMessage message) {
  said_.push_back(std::move(message));
  Pump();
}

bool LoadVoter::NextBallotBlock(v1::ClientMessage* message) {
  if (ballot_round_ == 0 || next_block_ == range_.count || !swarm_->MayVote(ballot_round_)) return false;
  const uint64_t block = range_.first + next_block_++, size = range_.Size(block);
  std::vector<uint64_t> words(WordsFor(size));
  swarm_->ballots().Fill(number_, ballot_round_, block, size, words);
  if (number_ < swarm_->options().first + swarm_->options().flipped) {
    for (uint64_t& word : words) word = ~word;
    if (size % 64 != 0) words.back() &= (uint64_t{1} << size % 64) - 1;
  }
  const v1::RunConfig& config = welcome_.config();
  if (config.fraction() > 1) {
    const StripeDraw draw{config.seed(), welcome_.client_id(), ballot_round_, config.fraction()};
    std::vector<uint64_t> voted;
    for (const uint32_t stripe : VotedStripes(draw, block, size)) {
      const uint64_t begin = stripe * kWordsPerStripe;
      const uint64_t end = std::min<uint64_t>(begin + kWordsPerStripe, words.size());
      voted.insert(voted.end(), words.begin() + static_cast<int64_t>(begin), words.begin() + static_cast<int64_t>(end));
    }
    words = std::move(voted);
  }
  v1::BallotBlock& ballot = *message->mutable_ballot();
  ballot.set_round(ballot_round_);
  ballot.set_block(block);
  ballot.mutable_signs()->set_signs(words.data(), words.size() * sizeof(uint64_t));
  return true;
}

// A read is outstanding until the stream is broken, so that it cannot end under a write that starts.
void LoadVoter::Pump() {
  if (is_writing_ || is_broken_) return;
  v1::ClientMessage message;
  if (!said_.empty()) {
    message = std::move(said_.front());
    said_.pop_front();
  } else if (!NextBallotBlock(&message)) {
    return;
  }
  outgoing_.Clear();
  bool own_buffer = false;
  if (!grpc::SerializationTraits<v1::ClientMessage>::Serialize(message, &outgoing_, &own_buffer).ok()) return;
  swarm_->Sent(outgoing_.Length() + kPrefixBytes);
  is_writing_ = true;
  StartWrite(&outgoing_);
}

void LoadVoter::OnWriteDone(bool ok) {
  MutexLock lock(mu_);
  is_writing_ = false;
  if (ok) Pump();
}

void LoadVoter::OnDone(const grpc::Status& status) { swarm_->Ended(name_, FromGrpc(status)); }

}  // namespace signvote
