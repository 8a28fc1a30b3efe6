// Whom `agreement` hears when voters change, collude, lie in a part of the model, take turns, or are evicted.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "tests/server/vote/electorate.h"

namespace signvote {
namespace {

// Plays rounds by `votes(voter, word, round)`, the words' signs; the electorate is who was heard in the last 32 rounds.
class Stage {
 public:
  Stage(bool hostile, uint64_t coordinates, const std::vector<uint32_t>& sections = {0}, double carry = 0)
      : rule_(MakeRule({.carry = carry, .assume_hostile = hostile}, {0, coordinates, sections})),
        coordinates_(coordinates) {}

  template <class Votes>
  void Play(int rounds, std::vector<VoterId> voters, Votes votes) {
    std::sort(voters.begin(), voters.end());
    for (int i = 0; i < rounds; ++i) {
      ++round_;
      truth_.clear();
      for (uint64_t w = 0; w < (coordinates_ + 63) / 64; ++w) truth_.push_back(bits_.Next(0.5));
      std::vector<OwnedBallot> ballots;
      for (const VoterId voter : voters) {
        heard_[voter] = round_;
        ballots.push_back({voter, {}, {}, {}});
        for (uint64_t w = 0; w < truth_.size(); ++w) ballots.back().signs.push_back(votes(voter, w));
        MaskTail(&ballots.back().signs, coordinates_);
      }
      std::vector<VoterId> electorate;
      for (const auto& [voter, round] : heard_) {
        if (round + 32 > round_) electorate.push_back(voter);
      }
      rule_->Decode(round_, Views(ballots), electorate, &decision_);
    }
  }
  void Evict(VoterId voter) { heard_.erase(voter); }

  uint64_t Honest(uint64_t word, double crossover) { return truth_[word] ^ bits_.Next(crossover); }
  double Weight(VoterId voter) const { return rule_->Report(voter).mean_weight; }
  double WeightAt(VoterId voter, uint64_t coordinate) const {
    std::vector<float> crossover, weight;
    rule_->PerCoordinate(voter, coordinate, coordinate + 1, &crossover, &weight);
    return weight[0];
  }
  double Against(VoterId voter) const { return rule_->Report(voter).against; }
  bool IsDifferent(VoterId voter) const { return rule_->Report(voter).different; }
  uint64_t round() const { return round_; }
  BiasedBits& bits() { return bits_; }
  size_t StateBytes() const {
    std::string state;
    rule_->Save(&state);
    return state.size();
  }

 private:
  std::unique_ptr<Rule> rule_;
  uint64_t coordinates_, round_ = 0;
  BiasedBits bits_{11};
  std::map<VoterId, uint64_t> heard_;
  std::vector<uint64_t> truth_;
  SignVector decision_;
};

std::vector<VoterId> Range(VoterId begin, VoterId end) {
  std::vector<VoterId> voters(end - begin);
  std::iota(voters.begin(), voters.end(), begin);
  return voters;
}

TEST(AgreementAttacks, ThoseWhoBeginToColludeDoNotBecomeTheSignal) {
  for (const bool hostile : {false, true}) {
    for (const VoterId honest : {8, 10, 11}) {
      Stage stage(hostile, 1 << 16);
      stage.Play(50, Range(0, 15), [&](VoterId, uint64_t w) { return stage.Honest(w, 0.45); });
      stage.Play(60, Range(0, 15), [&](VoterId voter, uint64_t w) {
        if (voter < honest) return stage.Honest(w, 0.45);
        return Mix(Mix(stage.round()) + w) ^ stage.bits().Next(0.1);
      });
      if (hostile) {
        EXPECT_LT(std::abs(stage.Weight(14)), 0.25 * stage.Weight(0)) << honest;  // what is left of its past
      }
      EXPECT_LT(stage.Weight(14), 1.05 * stage.Weight(0)) << honest;
    }
  }
}

// Who makes trust fall does not turn the agreement of the honest against them.
TEST(AgreementAttacks, HonestVotersThatAgreeMuchAreNoCopiesWithoutTrust) {
  constexpr uint64_t kQuarter = 4;
  for (const bool hostile : {false, true}) {
    Stage stage(hostile, 1 << 16);
    const VoterId honest = hostile ? 8 : 10;
    stage.Play(20, Range(0, 15), [&](VoterId voter, uint64_t w) {
      if (voter < honest) return stage.Honest(w, 0.175);
      return w % kQuarter == 0 ? ~stage.Honest(w, 0) : stage.bits().Next(0.5);
    });
    double good = 0, bad = 0;
    for (const VoterId voter : Range(0, 15)) (voter < honest ? good : bad) += stage.Weight(voter);
    EXPECT_GT(good, 1.2 * bad) << hostile;
  }
}

TEST(AgreementAttacks, WhoLiesWhereItExpectsNoSampleIsFound) {
  constexpr uint64_t kMany = 582'026, kStride = 4;
  Stage stage(true, kMany);
  stage.Play(25, Range(0, 15), [&](VoterId voter, uint64_t w) {
    const uint64_t honest = stage.Honest(w, 0.4);
    return voter < 8 || w % kStride == stage.round() % kStride ? honest : ~honest;
  });
  EXPECT_GT(stage.Weight(0), 0.3);
  EXPECT_LT(stage.Weight(14), -0.1);
}

TEST(AgreementAttacks, WhoLiesOnASmallSectionIsFoundThere) {
  constexpr uint64_t kSmall = 200 * 512;  // and what follows it
  // Eight sections take turns in what is learnt of them.
  for (const std::vector<uint32_t>& sections : {std::vector<uint32_t>{0, 200}, {0, 30, 60, 90, 120, 150, 180, 200}}) {
    Stage stage(true, kSmall + 1290, sections);
    const auto play = [&](int rounds, VoterId honest) {
      stage.Play(rounds, Range(0, 15), [&](VoterId voter, uint64_t w) {
        const uint64_t vote = stage.Honest(w, 0.45);
        return voter < honest || w * 64 < kSmall ? vote : ~vote;
      });
    };
    play(25, 15);
    EXPECT_NEAR(stage.WeightAt(0, kSmall), stage.WeightAt(0, 0), 0.1);
    play(60, 8);
    for (const VoterId voter : Range(0, 15)) {
      EXPECT_GT(stage.WeightAt(voter, 0), 0.15) << voter;
      EXPECT_EQ(stage.WeightAt(voter, kSmall) < 0, voter >= 8) << voter;
      EXPECT_NEAR(stage.Against(voter), voter < 8 ? 0 : 1290.0 / (kSmall + 1290), 1e-9) << voter;
    }
  }
}

TEST(AgreementAttacks, AnHonestElectorateIsToldOnNoSmallSectionThatItIsDifferent) {
  Stage stage(false, 40 * 512, {0, 20, 22, 25, 30, 34, 36, 38});
  for (int i = 0; i < 100; ++i) {
    stage.Play(1, Range(0, 15), [&](VoterId voter, uint64_t w) { return stage.Honest(w, voter == 0 ? 0.3 : 0.47); });
    for (const VoterId voter : Range(0, 15)) EXPECT_FALSE(stage.IsDifferent(voter)) << voter << " in round " << i;
  }
  EXPECT_GT(stage.WeightAt(0, 20 * 512), 2 * stage.WeightAt(1, 20 * 512));
}

TEST(AgreementAttacks, TheEvictedHaveNoSay) {
  for (const std::vector<uint32_t>& sections : {std::vector<uint32_t>{0}, {0, 16, 32, 48, 64, 80, 96, 112}}) {
    Stage stage(true, 1 << 16, sections);
    const auto votes = [&](VoterId voter, uint64_t w) {
      const uint64_t honest = stage.Honest(w, 0.4);
      return voter < 8 ? honest : ~honest;
    };
    stage.Play(20, Range(0, 18), votes);
    EXPECT_LT(stage.Weight(0), 0) << "ten against eight";
    for (const VoterId liar : Range(8, 18)) stage.Evict(liar);
    stage.Play(2, Range(0, 8), votes);
    for (const uint32_t section : sections) EXPECT_GT(stage.WeightAt(0, section * 512), 0) << section;
  }
}

// Weak errors, each voter its own, that are the same in every round: carried evidence adds them up.
TEST(AgreementAttacks, ErrorsThatRepeatThemselvesTellLessWhereEvidenceIsCarried) {
  for (const double carry : {0.0, 0.9}) {
    for (const bool hostile : {false, true}) {
      Stage stage(hostile, 1 << 16, {0}, carry);
      stage.Play(60, Range(0, 15), [&](VoterId voter, uint64_t w) {
        const uint64_t repeated = stage.bits().Next(0.5), own = Mix(voter * (1 << 16) + w);
        return voter < 10 ? stage.Honest(w, 0.42) : (repeated & own) | (~repeated & stage.Honest(w, 0.34));
      });
      // A quarter of their errors' variance stays: 1 + (0.25 - 0.05) * 18, to sampling and what is true by chance.
      const double times = hostile && carry > 0 ? 4 : 1;
      EXPECT_NEAR(stage.Weight(0) / stage.Weight(14), times, 0.25 * times) << hostile << " " << carry;
    }
  }
}

// Such as few voters' data would be called by a fit where they agree on next to nothing any more.
TEST(AgreementAttacks, NobodyDecidesAlone) {
  Stage stage(true, 1 << 16);
  stage.Play(40, Range(0, 6), [&](VoterId voter, uint64_t w) { return stage.Honest(w, voter == 0 ? 0.02 : 0.48); });
  double others = 0;
  for (const VoterId voter : Range(1, 6)) others += std::abs(stage.Weight(voter));
  EXPECT_NEAR(stage.Weight(0), others, 1e-9);
  EXPECT_GT(others, 0.2);
}

TEST(AgreementAttacks, NamesThatTakeTurnsHaveTheSayOfThoseThatAreThere) {
  Stage stage(true, 1 << 14);
  for (int i = 0; i < 60; ++i) {
    std::vector<VoterId> voters = Range(0, 10);
    for (int j = 0; j < 3; ++j) voters.push_back(10 + (3 * i + j) % 12);
    stage.Play(1, voters, [&](VoterId voter, uint64_t w) {
      const uint64_t honest = stage.Honest(w, 0.4);
      return voter < 10 ? honest : ~honest;
    });
  }
  EXPECT_GT(stage.Weight(0), 0);
}

TEST(AgreementAttacks, NamesThatNeverComeAgainAreForgotten) {
  Stage stage(false, 64);
  size_t before = 0;
  for (VoterId i = 0; i < 900; ++i) {
    std::vector<VoterId> voters = Range(0, 6);
    voters.push_back(1000 + i);
    stage.Play(1, voters, [&](VoterId, uint64_t w) { return stage.Honest(w, 0.3); });
    if (i == 500) before = stage.StateBytes();
  }
  EXPECT_LT(stage.StateBytes(), 1.1 * static_cast<double>(before));
}

}  // namespace
}  // namespace signvote
