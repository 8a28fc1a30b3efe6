#include "common/sign_vector.h"

#define ZSTD_STATIC_LINKING_ONLY  // for ZSTD_c_literalCompressionMode, which is optional here
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

#include "common/blocks.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

static_assert(std::endian::native == std::endian::little, "planes travel as they lie in memory");

constexpr int kZstdLevel = 1;  // on sparse random bits both faster and smaller than 3
// A difference in more than one coordinate of 64 repeats nothing but long stretches without any; other matches are
// chance and cost more than they save. This level looks at few places: on one coordinate of 14 an eighth smaller, and
// three times as fast.
constexpr int kDenseLevel = -200;
constexpr uint64_t kDenseDifference = 64;
// A difference in more than one coordinate of 4 is not worth the compression: its entropy is above 0.8.
constexpr uint64_t kWorthwhileDifference = 4;

struct ZstdContexts {
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> compress{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_DCtx, Free> decompress{ZSTD_createDCtx()};
};

// Contexts are costly to make and not thread-safe.
ZstdContexts& ThreadContexts() {
  thread_local ZstdContexts contexts;
  return contexts;
}

void StorePlain(std::span<const uint64_t> words, std::string* out) {
  out->assign(reinterpret_cast<const char*>(words.data()), words.size_bytes());
}

// False, and `out` unspecified, when the compressed plane is not smaller than the plain one.
bool StoreCompressed(std::span<const uint64_t> words, int level, std::string* out) {
  ZSTD_CCtx* const context = ThreadContexts().compress.get();
  // Levels below 0 would leave bytes without a match as they are.
  const auto refused = ZSTD_CCtx_setParameter(context, ZSTD_c_literalCompressionMode, ZSTD_ps_enable);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZSTD_isError(refused) ? kZstdLevel : level);
  out->resize(ZSTD_compressBound(words.size_bytes()));
  const size_t size = ZSTD_compress2(context, out->data(), out->size(), words.data(), words.size_bytes());
  if (ZSTD_isError(size) || size >= words.size_bytes()) return false;
  out->resize(size);
  return true;
}

bool StoreDifference(std::span<const uint64_t> signs, std::span<const uint64_t> previous, std::string* out) {
  if (previous.size() != signs.size()) return false;
  std::vector<uint64_t> difference(signs.size());
  uint64_t changed = 0;
  for (size_t w = 0; w < signs.size(); ++w) {
    difference[w] = signs[w] ^ previous[w];
    changed += static_cast<uint64_t>(std::popcount(difference[w]));
  }
  const uint64_t coordinates = 64 * signs.size();
  if (changed * kWorthwhileDifference > coordinates) return false;
  return StoreCompressed(difference, changed * kDenseDifference > coordinates ? kDenseLevel : kZstdLevel, out);
}

// The plane's length is known beforehand; what a frame says of its own size is never believed.
absl::Status LoadCompressed(const std::string& bytes, const char* plane, std::vector<uint64_t>* out) {
  const size_t expected = out->size() * sizeof(uint64_t);
  const size_t size =
      ZSTD_decompressDCtx(ThreadContexts().decompress.get(), out->data(), expected, bytes.data(), bytes.size());
  if (ZSTD_isError(size)) {
    return InvalidArgument("{}: {} compressed bytes do not decode to the expected {}: {}", plane, bytes.size(),
                           expected, ZSTD_getErrorName(size));
  }
  if (size != expected) return InvalidArgument("{}: decodes to {} bytes, expected {}", plane, size, expected);
  return absl::OkStatus();
}

absl::Status WrongLength(const char* plane, size_t bytes, size_t expected, uint64_t coordinates) {
  return Error(absl::StatusCode::kOutOfRange, "{}: {} bytes, expected {} for {} coordinates", plane, bytes, expected,
               coordinates);
}

absl::Status LoadPlane(const std::string& bytes, v1::SignBlock::Coding coding, const char* plane, uint64_t coordinates,
                       std::span<const uint64_t> previous, std::vector<uint64_t>* out) {
  out->resize(WordsFor(coordinates));
  const size_t expected = out->size() * sizeof(uint64_t);
  switch (coding) {
    case v1::SignBlock::PLAIN:
      if (bytes.size() != expected) return WrongLength(plane, bytes.size(), expected, coordinates);
      if (expected > 0) std::memcpy(out->data(), bytes.data(), expected);
      return absl::OkStatus();
    case v1::SignBlock::ZSTD:
      return LoadCompressed(bytes, plane, out);
    case v1::SignBlock::DIFFERENCE:
      if (previous.size() != out->size())
        return InvalidArgument("{}: coded as DIFFERENCE where there is nothing to differ from", plane);
      RETURN_IF_ERROR(LoadCompressed(bytes, plane, out));
      for (size_t w = 0; w < out->size(); ++w) (*out)[w] ^= previous[w];
      return absl::OkStatus();
    default:
      return InvalidArgument("{}: unknown coding {}", plane, static_cast<int>(coding));
  }
}

absl::Status CheckEnd(const std::vector<uint64_t>& plane, const char* name, uint64_t coordinates) {
  if (coordinates % 64 != 0 && plane.back() >> (coordinates % 64) != 0)
    return InvalidArgument("{}: bits beyond the end of {} coordinates", name, coordinates);
  return absl::OkStatus();
}

bool AnyBit(std::span<const uint64_t> plane) {
  uint64_t any = 0;
  for (uint64_t word : plane) any |= word;
  return any != 0;
}

}  // namespace

void EncodeSigns(std::span<const uint64_t> signs, std::span<const uint64_t> zeros, std::span<const uint64_t> previous,
                 v1::SignBlock* out) {
  out->Clear();
  if (!previous.empty() && StoreDifference(signs, previous, out->mutable_signs())) {
    out->set_signs_coding(v1::SignBlock::DIFFERENCE);
  } else {
    StorePlain(signs, out->mutable_signs());
  }
  if (!AnyBit(zeros)) return;
  if (StoreCompressed(zeros, kZstdLevel, out->mutable_zeros())) {
    out->set_zeros_coding(v1::SignBlock::ZSTD);
  } else {
    StorePlain(zeros, out->mutable_zeros());
  }
}

absl::Status DecodeSigns(const v1::SignBlock& block, uint64_t coordinates, std::span<const uint64_t> previous,
                         SignVector* out) {
  RETURN_IF_ERROR(LoadPlane(block.signs(), block.signs_coding(), "signs", coordinates, previous, &out->signs));
  RETURN_IF_ERROR(CheckEnd(out->signs, "signs", coordinates));
  out->zeros.clear();
  if (block.zeros().empty()) return absl::OkStatus();

  RETURN_IF_ERROR(LoadPlane(block.zeros(), block.zeros_coding(), "zeros", coordinates, {}, &out->zeros));
  RETURN_IF_ERROR(CheckEnd(out->zeros, "zeros", coordinates));
  uint64_t both = 0;
  for (size_t w = 0; w < out->zeros.size(); ++w) both |= out->signs[w] & out->zeros[w];
  if (both != 0) return InvalidArgument("signs: a sign bit is set under a zero");
  if (!AnyBit(out->zeros)) out->zeros.clear();
  return absl::OkStatus();
}

absl::Status CheckSigns(const std::vector<uint64_t>& signs, uint64_t coordinates) {
  if (signs.size() != WordsFor(coordinates)) {
    return WrongLength("signs", signs.size() * sizeof(uint64_t), WordsFor(coordinates) * sizeof(uint64_t), coordinates);
  }
  return CheckEnd(signs, "signs", coordinates);
}

std::vector<uint32_t> VotedStripes(const StripeDraw& draw, uint64_t block, uint64_t block_coordinates) {
  const uint64_t k = std::max(draw.k, 1u);
  const uint64_t stripes = StripesFor(block_coordinates);
  const uint64_t key = Key(draw.seed, Purpose::kStripes, draw.client_id, draw.round) + (block << 32);
  std::vector<uint32_t> voted;
  voted.reserve(stripes / k + 1);
  for (uint64_t group = 0; group * k < stripes; ++group) {
    const uint64_t first = group * k;
    voted.push_back(static_cast<uint32_t>(first + Mix(key + group) % std::min(k, stripes - first)));
  }
  return voted;
}

uint64_t StripeVotes(std::span<const uint32_t> stripes, uint64_t block_coordinates) {
  const uint64_t all = StripesFor(block_coordinates);
  const uint64_t missing = all * kStripeCoordinates - block_coordinates;  // of the block's last stripe
  const bool has_last = !stripes.empty() && stripes.back() + 1 == all;
  return stripes.size() * kStripeCoordinates - (has_last ? missing : 0);
}

}  // namespace signvote
