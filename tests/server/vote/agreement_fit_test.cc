// The fit by itself, on agreements that are given.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "server/vote/agreement_fit.h"
#include "server/vote/portable_math.h"

namespace signvote {
namespace {

// A table of full weight whose agreements are mu_i * mu_j, but for what `change` does.
struct Table {
  explicit Table(std::vector<double> mu)
      : voters(mu.size()),
        columns(voters),
        sum(voters * voters),
        weight(voters * voters, 20),
        none(voters, 0.0),
        present(voters, 1.0) {
    std::iota(columns.begin(), columns.end(), 0);
    for (size_t i = 0; i < voters; ++i) {
      for (size_t j = 0; j < voters; ++j) Set(i, j, mu[i] * mu[j]);
    }
  }
  void Set(size_t i, size_t j, double c) { sum[i * voters + j] = sum[j * voters + i] = 20 * c; }
  void Forget(size_t i, size_t j) {
    sum[i * voters + j] = sum[j * voters + i] = weight[i * voters + j] = weight[j * voters + i] = 0;
  }
  AgreementFit Fit(bool hostile = false) const {
    return FitAgreement({voters, columns, sum, weight, none, none, present, 16384}, {}, true, hostile);
  }

  size_t voters;
  std::vector<uint32_t> columns;
  std::vector<double> sum, weight, none, present;
};

const std::vector<double> kMu{0.9, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1};

TEST(AgreementFitTest, RecoversTheFactorsOfAnExactModel) {
  const AgreementFit fit = Table(kMu).Fit();
  for (size_t i = 0; i < kMu.size(); ++i) EXPECT_NEAR(fit.mu[i], kMu[i], 1e-4);
  EXPECT_EQ(fit.trust, 1);
}

TEST(AgreementFitTest, IsCarriedByTheOtherPairsWhereOneAgreesForAnotherReason) {
  Table table(kMu);
  table.Set(5, 6, 1);
  const AgreementFit fit = table.Fit();
  for (size_t i = 0; i < kMu.size(); ++i) EXPECT_NEAR(fit.mu[i], kMu[i], 0.02);
}

TEST(AgreementFitTest, DoesWithoutPairsThatWereNeverHeardTogether) {
  Table table(kMu);
  table.Forget(0, 1);
  table.Forget(2, 5);
  table.Forget(3, 7);
  const AgreementFit fit = table.Fit();
  for (size_t i = 0; i < kMu.size(); ++i) EXPECT_NEAR(fit.mu[i], kMu[i], 1e-4);
}

TEST(AgreementFitTest, StartingNearTheAnswerOrAfreshComesToTheSame) {
  Table table(kMu);
  table.Set(0, 3, 0.2);
  table.Set(1, 4, 0.6);
  const AgreementFit fresh = table.Fit();
  const AgreementFit warm =
      FitAgreement({table.voters, table.columns, table.sum, table.weight, table.none, table.none, table.present, 16384},
                   std::vector<double>(8, 0.5), false, false);
  for (size_t i = 0; i < kMu.size(); ++i) EXPECT_NEAR(fresh.mu[i], warm.mu[i], 1e-3);
}

TEST(AgreementFitTest, TakesNoCrowdForTheSignalBecauseItAgreesMoreThanTheOthersDo) {
  Table table(std::vector<double>(15, 0.05));
  for (size_t i = 10; i < 15; ++i) {
    for (size_t j = 0; j < i; ++j) table.Set(i, j, j < 10 ? 0 : 0.16);
  }
  std::vector<double> captured(15, 0.0);
  std::fill(captured.begin() + 10, captured.end(), 0.4);  // as if it had been so for long
  const AgreementFit fit =
      FitAgreement({table.voters, table.columns, table.sum, table.weight, table.none, table.none, table.present, 16384},
                   captured, true, true);
  for (size_t i = 0; i < 15; ++i) EXPECT_NEAR(fit.mu[i], i < 10 ? 0.05 : 0, 0.01) << i;
}

// What seven of fifteen do that vote a little beside the mean of the honest gradients, with less noise than each honest
// voter has: measured after 30 rounds.
TEST(AgreementFitTest, SevenWhoAgreeMuchWithEachOtherAreNotTheSignalOfEightWhoAgreeALittle) {
  Table table(std::vector<double>(15, 0.2));
  for (size_t i = 0; i < 15; ++i) {
    for (size_t j = 0; j < i; ++j) table.Set(i, j, i < 7 ? 0.295 : j < 7 ? 0.047 : 0.038 + 0.001 * ((i + j) % 9));
  }
  std::vector<double> captured(15, 0.08);
  std::fill_n(captured.begin(), 7, 0.54);
  const AgreementFit fit =
      FitAgreement({table.voters, table.columns, table.sum, table.weight, table.none, table.none, table.present, 16384},
                   captured, true, true);
  for (size_t i = 0; i < 7; ++i) EXPECT_NEAR(fit.mu[i], 0.23, 0.02) << i;
  for (size_t i = 7; i < 15; ++i) EXPECT_NEAR(fit.mu[i], 0.2, 0.02) << i;
  for (size_t i = 0; i < 15; ++i) EXPECT_EQ(fit.different[i], i < 7) << i;
}

TEST(AgreementFitTest, WhoIsGoneHasNoSay) {
  std::vector<double> mu{0.5, 0.5, 0.4, 0.4, 0.3};
  for (int i = 0; i < 7; ++i) mu.push_back(-0.5);
  Table table(mu);
  EXPECT_LT(table.Fit(true).mu[0], 0) << "seven against five";
  std::fill(table.present.begin() + 5, table.present.end(), 0.0);
  const AgreementFit fit = table.Fit(true);
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(fit.mu[i], mu[i], 1e-3);
  EXPECT_EQ(fit.trust, 1);
  std::fill(table.present.begin() + 3, table.present.end(), 0.0);
  EXPECT_EQ(table.Fit(true).trust, 0) << "three are too few, whoever was there before";
}

TEST(AgreementFitTest, EveryoneVotingAlikeIsOneSignal) {
  const AgreementFit fit = Table(std::vector<double>(6, 1.0)).Fit();
  for (const double mu : fit.mu) EXPECT_EQ(mu, 0.98);
  EXPECT_EQ(fit.trust, 1);
}

TEST(AgreementFitTest, NoAgreementAtAllIsNoSignalAndNoFailure) {
  const AgreementFit fit = Table(std::vector<double>(6, 0.0)).Fit();
  for (const double mu : fit.mu) EXPECT_TRUE(std::isfinite(mu));
  const AgreementFit single = Table({0.5}).Fit();
  EXPECT_EQ(single.trust, 0);
}

TEST(PortableMathTest, AgreesWithTheLibrary) {
  for (double x = 1e-12; x < 1e12; x *= 1.7)
    EXPECT_NEAR(PortableLog(x), std::log(x), 1e-14 * (1 + std::abs(std::log(x))));
  for (double x = -60; x < 60; x += 0.37) EXPECT_NEAR(PortableExp(x) / std::exp(x), 1, 1e-14);
  EXPECT_EQ(PortableLog(1), 0);
  EXPECT_EQ(PortableExp(0), 1);
}

}  // namespace
}  // namespace signvote
