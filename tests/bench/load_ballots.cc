#include "tests/bench/load_ballots.h"

#include <array>
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

// Bits up to the round's phase, in both halves of a word, belong to the next draw already; each word is turned by
// another angle.
std::array<uint64_t, 64> Renewed(uint64_t round) {
  const uint64_t mask = ((uint64_t{2} << round % kPeriod) - 1) * 0x1'0000'0001u;
  std::array<uint64_t, 64> renewed;
  for (size_t i = 0; i < renewed.size(); ++i) renewed[i] = std::rotl(mask, static_cast<int>(i * 29 % 64));
  return renewed;
}

}  // namespace

LoadBallots::LoadBallots(uint64_t seed) : key_(Mix(seed)) {
  Random words(key_);
  truths_.resize(kStarts + kBlockWords);
  for (uint64_t& word : truths_) word = words.Next();
  for (const double rate : kErrorRates) {
    Random random(Mix(key_ + pools_.size() + 1));
    std::vector<uint64_t>& pool = pools_.emplace_back(kStarts + kBlockWords);
    for (uint64_t& word : pool) word = BiasedWord(&random, rate);
  }
}

double LoadBallots::ErrorRate(uint64_t voter) { return kErrorRates[voter % std::size(kErrorRates)]; }

const uint64_t* LoadBallots::TruthOf(uint64_t draw, uint64_t block) const {
  return truths_.data() + Mix(Mix(key_ + draw) + block) % kStarts;
}

uint64_t LoadBallots::Truth(uint64_t round, uint64_t word) const {
  const uint64_t block = word / kBlockWords, at = word % kBlockWords;
  const uint64_t renewed = Renewed(round)[at % 64];
  return (TruthOf(round / kPeriod + 1, block)[at] & renewed) | (TruthOf(round / kPeriod, block)[at] & ~renewed);
}

void LoadBallots::Fill(uint64_t voter, uint64_t round, uint64_t block, uint64_t coordinates,
                       std::span<uint64_t> words) const {
  const uint64_t start = Mix(Mix(Mix(key_ ^ voter) + round) + block) % kStarts;
  const uint64_t* errors = pools_[voter % pools_.size()].data() + start;
  const std::array<uint64_t, 64> renewed = Renewed(round);
  const uint64_t *now = TruthOf(round / kPeriod, block), *next = TruthOf(round / kPeriod + 1, block);
  for (uint64_t i = 0; i < words.size(); ++i) {
    words[i] = ((next[i] & renewed[i % 64]) | (now[i] & ~renewed[i % 64])) ^ errors[i];
  }
  if (coordinates % 64 != 0) words.back() &= (uint64_t{1} << coordinates % 64) - 1;
}

}  // namespace signvote
