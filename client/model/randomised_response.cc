#include "client/model/randomised_response.h"

#include <openssl/rand.h>

#include <array>
#include <cmath>
#include <cstdlib>

namespace signvote {
namespace {

constexpr uint64_t kChunkWords = 256;

}  // namespace

void FlipSigns(double probability, uint64_t coordinates, SignVector* signs) {
  const auto threshold = static_cast<uint32_t>(std::ceil(probability * 65536));  // never less than is announced
  if (threshold == 0 || signs->signs.empty()) return;
  std::array<uint16_t, kChunkWords * 64> draws;
  for (size_t w = 0; w < signs->signs.size(); ++w) {
    if (w % kChunkWords == 0 && RAND_bytes(reinterpret_cast<unsigned char*>(draws.data()), sizeof(draws)) != 1) {
      std::abort();  // a vote without its flips must not leave
    }
    const uint16_t* of_word = &draws[w % kChunkWords * 64];
    uint64_t flips = 0;
    for (size_t bit = 0; bit < 64; ++bit) flips |= uint64_t{of_word[bit] < threshold} << bit;
    if (w < signs->zeros.size()) flips &= ~signs->zeros[w];
    signs->signs[w] ^= flips;
  }
  if (coordinates % 64 != 0) signs->signs.back() &= (uint64_t{1} << (coordinates % 64)) - 1;
}

double SignEpsilon(double probability) { return std::log((1 - probability) / probability); }

}  // namespace signvote
