#include "tests/bench/load_ballots.h"

#include <bit>

#include "common/random.h"

namespace signvote {
namespace {

constexpr double kErrorRates[] = {0.30, 0.36, 0.40, 0.43, 0.45, 0.47, 0.48, 0.49};
constexpr uint64_t kStarts = 1 << 16;  // words at which a reader of a pool may begin
constexpr uint64_t kBlockWords = kBlockCoordinates / 64;
constexpr uint64_t kPeriod = 32;  // rounds until every coordinate of the truth was drawn anew

// A word whose bits are 1 with probability `rate`, to 2^-16: the digits of the rate, lowest first, choose and or or.
uint64_t BiasedWord(Random* random, double rate) {
  const auto threshold = static_cast<uint32_t>(rate * 65536 + 0.5);
  uint64_t word = 0;
  for (int digit = 0; digit < 16; ++digit) {
    const uint64_t r = random->Next();
    word = (threshold >> digit & 1) != 0 ? word | r : word & r;
  }
  return word;
}

}  // namespace

LoadBallots::LoadBallots(uint64_t seed) : key_(Mix(seed)) {
  for (const double rate : kErrorRates) {
    Random random(Mix(key_ + pools_.size() + 1));
    std::vector<uint64_t>& pool = pools_.emplace_back(kStarts + kBlockWords);
    for (uint64_t& word : pool) word = BiasedWord(&random, rate);
  }
}

double LoadBallots::ErrorRate(uint64_t voter) { return kErrorRates[voter % std::size(kErrorRates)]; }

uint64_t LoadBallots::Truth(uint64_t round, uint64_t word) const {
  const uint64_t draw = round / kPeriod, phase = round % kPeriod;
  // Bits up to the phase, in both halves, belong to the next draw already; each word is turned by another angle.
  const uint64_t renewed = ((uint64_t{2} << phase) - 1) * 0x1'0000'0001u;
  const uint64_t now = Mix(key_ + (draw << 40) + word), next = Mix(key_ + ((draw + 1) << 40) + word);
  return std::rotl((next & renewed) | (now & ~renewed), static_cast<int>(word * 29 % 64));
}

void LoadBallots::Fill(uint64_t voter, uint64_t round, uint64_t block, uint64_t coordinates,
                       std::span<uint64_t> words) const {
  const uint64_t start = Mix(Mix(Mix(key_ ^ voter) + round) + block) % kStarts;
  const uint64_t* errors = pools_[voter % pools_.size()].data() + start;
  const uint64_t first = block * kBlockWords;
  for (uint64_t i = 0; i < words.size(); ++i) words[i] = Truth(round, first + i) ^ errors[i];
  if (coordinates % 64 != 0) words.back() &= (uint64_t{1} << coordinates % 64) - 1;
}

}  // namespace signvote
