// Random voters for tests: each errs around a truth with its own probability; truths, copies and groups as told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/random.h"
#include "server/vote/rule.h"

namespace signvote {

inline constexpr uint64_t kBit = 1;

// Random words whose bits are 1 with probability p (to 2^-16).
class BiasedBits {
 public:
  explicit BiasedBits(uint64_t seed) : random_(Mix(seed)) {}
  uint64_t Next(double p) {
    const auto threshold = static_cast<uint32_t>(p * 65536 + 0.5);
    if (threshold >= 65536) return ~uint64_t{0};
    uint64_t word = 0;
    for (int bit = 0; bit < 16; ++bit) {  // from the lowest digit of the threshold up
      const uint64_t r = random_.Next();
      word = (threshold >> bit & 1) != 0 ? word | r : word & r;
    }
    return word;
  }

 private:
  Random random_;
};

// A ballot that owns its planes.
struct OwnedBallot {
  VoterId voter = 0;
  std::vector<uint64_t> signs, zeros;
  std::vector<uint32_t> stripes;
  uint32_t age = 0;

  Ballot View() const { return {voter, signs, zeros, stripes, age}; }
};

inline std::vector<Ballot> Views(const std::vector<OwnedBallot>& ballots) {
  std::vector<Ballot> views;
  for (const OwnedBallot& ballot : ballots) views.push_back(ballot.View());
  return views;
}

inline void MaskTail(std::vector<uint64_t>* plane, uint64_t coordinates) {
  if (coordinates % 64 != 0 && !plane->empty()) plane->back() &= (uint64_t{1} << coordinates % 64) - 1;
}

struct Character {
  double crossover = 0;  // of its group's truth
  int group = 0;
  int copies = -1;  // votes exactly as this voter does
};

class Electorate {
 public:
  Electorate(std::vector<Character> characters, uint64_t coordinates, uint64_t seed)
      : characters_(std::move(characters)), coordinates_(coordinates), bits_(seed) {}

  std::vector<OwnedBallot> Vote() {
    const uint64_t words = (coordinates_ + 63) / 64;
    std::vector<std::vector<uint64_t>> truths;
    for (const Character& c : characters_) {
      while (static_cast<int>(truths.size()) <= c.group) {
        truths.emplace_back();
        for (uint64_t w = 0; w < words; ++w) truths.back().push_back(bits_.Next(0.5));
      }
    }
    truth_ = truths[0];
    std::vector<OwnedBallot> ballots;
    for (size_t m = 0; m < characters_.size(); ++m) {
      const Character& c = characters_[m];
      OwnedBallot ballot;
      ballot.voter = 1000 + m;
      for (uint64_t w = 0; w < words; ++w) {
        ballot.signs.push_back(c.copies >= 0 ? ballots[c.copies].signs[w]
                                             : truths[c.group][w] ^ bits_.Next(c.crossover));
      }
      MaskTail(&ballot.signs, coordinates_);
      ballots.push_back(std::move(ballot));
    }
    return ballots;
  }

  std::vector<VoterId> Ids() const {
    std::vector<VoterId> ids;
    for (size_t m = 0; m < characters_.size(); ++m) ids.push_back(1000 + m);
    return ids;
  }
  const std::vector<uint64_t>& truth() const { return truth_; }  // of group 0, in the last round
  const std::vector<Character>& characters() const { return characters_; }

 private:
  std::vector<Character> characters_;
  uint64_t coordinates_;
  BiasedBits bits_;
  std::vector<uint64_t> truth_;
};

}  // namespace signvote
