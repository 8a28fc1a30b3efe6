#include "server/service/incoming.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <bit>

#include "common/blocks.h"

namespace signvote {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr uint32_t Tag(int field, WireFormatLite::WireType type) {
  return static_cast<uint32_t>(field) << 3 | static_cast<uint32_t>(type);
}
constexpr auto kVarint = WireFormatLite::WIRETYPE_VARINT;
constexpr auto kBytes = WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
constexpr auto kFixed32 = WireFormatLite::WIRETYPE_FIXED32;

// Calls field(tag) for the fields of a message of its own length; false as soon as that is.
template <class Field>
bool ReadMessage(CodedInputStream* in, const Field& field) {
  uint32_t length = 0;
  if (!in->ReadVarint32(&length) || length > static_cast<uint32_t>(kMaxMessageBytes)) return false;
  const CodedInputStream::Limit limit = in->PushLimit(static_cast<int>(length));
  while (const uint32_t tag = in->ReadTag()) {
    if (!field(tag)) return false;
  }
  if (!in->ConsumedEntireMessage() || in->BytesUntilLimit() != 0) return false;
  in->PopLimit(limit);
  return true;
}

bool ReadSigns(CodedInputStream* in, std::vector<uint64_t>* words) {
  bool is_there = false;
  const bool read = ReadMessage(in, [&](uint32_t tag) {
    uint32_t value = 0;
    switch (tag) {
      case Tag(v1::SignBlock::kSignsFieldNumber, kBytes):
        if (is_there || !in->ReadVarint32(&value) || value % sizeof(uint64_t) != 0) return false;
        if (static_cast<int64_t>(value) > in->BytesUntilLimit()) return false;
        is_there = true;
        words->resize(value / sizeof(uint64_t));
        return in->ReadRaw(words->data(), static_cast<int>(value));
      case Tag(v1::SignBlock::kSignsCodingFieldNumber, kVarint):
        return in->ReadVarint32(&value) && value == v1::SignBlock::PLAIN;
      default:
        return false;
    }
  });
  return read && is_there;
}

}  // namespace

std::optional<Incoming> ReadPlainBallot(google::protobuf::io::ZeroCopyInputStream* stream, uint64_t bytes,
                                        PlanePool* pool) {
  CodedInputStream in(stream);
  if (in.ReadTag() != Tag(v1::ClientMessage::kBallotFieldNumber, kBytes)) return std::nullopt;
  Incoming incoming{.message = {}, .signs = pool->Take(), .bytes = bytes};
  incoming.signs->zeros.clear();
  v1::BallotBlock& ballot = *incoming.message.mutable_ballot();
  bool has_signs = false;
  const bool read = ReadMessage(&in, [&](uint32_t tag) {
    uint64_t value = 0;
    uint32_t bits = 0;
    switch (tag) {
      case Tag(v1::BallotBlock::kRoundFieldNumber, kVarint):
        if (!in.ReadVarint64(&value)) return false;
        ballot.set_round(value);
        return true;
      case Tag(v1::BallotBlock::kBlockFieldNumber, kVarint):
        if (!in.ReadVarint64(&value)) return false;
        ballot.set_block(value);
        return true;
      case Tag(v1::BallotBlock::kMagnitudeFieldNumber, kFixed32):
        if (!in.ReadLittleEndian32(&bits)) return false;
        ballot.set_magnitude(std::bit_cast<float>(bits));
        return true;
      case Tag(v1::BallotBlock::kSignsFieldNumber, kBytes):
        if (has_signs) return false;  // protobuf would merge them
        has_signs = true;
        return ReadSigns(&in, &incoming.signs->signs);
      default:
        return false;
    }
  });
  if (!read || !has_signs || in.ReadTag() != 0 || !in.ConsumedEntireMessage()) return std::nullopt;
  return incoming;
}

}  // namespace signvote
