// Packed signs of one block, in memory and on the wire.
//
// In memory: little-endian 64-bit words, bit n % 64 of word n / 64, 1 = +1; an optional second plane `zeros` marks
// coordinates that abstain (ballot) or hold (decision). Canonical: unused bits of the last word are 0 in both planes,
// and a sign bit under a zero is 0; so equal votes are equal bytes.
#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/signvote/v1/federation.pb.h"

namespace signvote {

struct SignVector {
  std::vector<uint64_t> signs;
  std::vector<uint64_t> zeros;  // empty: no zeros

  bool operator==(const SignVector&) const = default;
};

// Encodes planes of equal length; `zeros` may be empty. The zeros plane is left out when it has no bit set, and
// compressed by zstd when that is smaller. Signs go plain, or as DIFFERENCE against `previous` (empty: never) when
// that is smaller.
void EncodeSigns(std::span<const uint64_t> signs, std::span<const uint64_t> zeros, std::span<const uint64_t> previous,
                 v1::SignBlock* out);

// Validates and decodes into `out`, whose vectors are reused. `coordinates` is the number of votes that the block must
// carry. `previous` is what DIFFERENCE refers to; empty where none is allowed.
// OUT_OF_RANGE: wrong length. INVALID_ARGUMENT: bits beyond the end, a sign under a zero, zstd that does not decode
// or decodes to another length, DIFFERENCE without `previous`. `out` is unspecified after an error.
absl::Status DecodeSigns(const v1::SignBlock& block, uint64_t coordinates, std::span<const uint64_t> previous,
                         SignVector* out);

// The same of plain signs that are decoded already, without zeros: OUT_OF_RANGE or INVALID_ARGUMENT as above.
absl::Status CheckSigns(const std::vector<uint64_t>& signs, uint64_t coordinates);

// The stripes of a block on which a voter of fraction 1/k votes in a round, ascending. Of every k consecutive stripes
// it votes on one: number Mix(key + block * 2^32 + group) mod k, key = Key(seed, kStripes, client_id, round); of a
// last, incomplete group of l stripes on number ... mod l. So every block has a vote. k = 1: all stripes.
struct StripeDraw {
  uint64_t seed = 0;
  uint64_t client_id = 0;
  uint64_t round = 0;
  uint32_t k = 1;
};
std::vector<uint32_t> VotedStripes(const StripeDraw& draw, uint64_t block, uint64_t block_coordinates);

// Coordinates that these stripes of a block of `block_coordinates` hold (the block's last stripe may be short).
uint64_t StripeVotes(std::span<const uint32_t> stripes, uint64_t block_coordinates);

}  // namespace signvote
