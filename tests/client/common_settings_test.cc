#include "client/data/common_settings.h"

#include <gmock/gmock.h>

#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Key;
using testing::Not;
using Settings = std::map<std::string, uint64_t>;

// The keys that two have otherwise, of those that both have.
std::vector<std::string> Unequal(const Settings& a, const Settings& b) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : a) {
    if (b.contains(key) && b.at(key) != value) keys.push_back(key);
  }
  return keys;
}

class CommonSettingsTest : public testing::Test {
 protected:
  Settings OfCsv(const std::string& keys, const std::string& loss = "") {
    const std::string path = directory_.Write("t.csv", "a,b,kind\n1,2,0\n3,4,1\n");
    const auto dataset =
        LoadData("{format: csv, path: " + path + ", " + keys + "}" + (loss.empty() ? "" : "\nloss: " + loss));
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    return CommonSettings(*dataset, loss);
  }
  TemporaryDirectory directory_;
};

TEST_F(CommonSettingsTest, TheSameConfigurationIsTheSame) {
  const std::string keys = "targets: [kind], mean: [1, 2], deviation: [3, 4]";
  EXPECT_EQ(OfCsv(keys, "cross_entropy"), OfCsv(keys, "cross_entropy"));
}

TEST_F(CommonSettingsTest, EachDifferenceHasItsKey) {
  const Settings plain = OfCsv("targets: [kind]", "cross_entropy");
  EXPECT_THAT(Unequal(plain, OfCsv("targets: [kind], mean: [1], deviation: [2]", "cross_entropy")),
              ElementsAre("data.deviation", "data.mean"));
  EXPECT_THAT(Unequal(plain, OfCsv("targets: [kind], features: [b, a]", "cross_entropy")),
              ElementsAre("data.features"));
  EXPECT_THAT(Unequal(plain, OfCsv("targets: [kind]", "mse")), ElementsAre("loss"));
  EXPECT_THAT(Unequal(OfCsv("targets: [kind], classes: ['0', '1']"), OfCsv("targets: [kind], classes: ['1', '0']")),
              ElementsAre("data.classes"));
  EXPECT_THAT(Unequal(OfCsv("targets: [a], target_mean: [0], target_deviation: [1]", "mse"),
                      OfCsv("targets: [a], target_mean: [9], target_deviation: [1]", "mse")),
              ElementsAre("data.target_mean"));
}

TEST_F(CommonSettingsTest, OneNumberForAllIsAsManyEqualOnes) {
  EXPECT_EQ(OfCsv("targets: [kind], mean: [1], deviation: [2]"),
            OfCsv("targets: [kind], mean: [1, 1], deviation: [2, 2]"));
}

TEST_F(CommonSettingsTest, WhatTheDataKnowNothingOfIsNotTold) {
  const Settings settings = OfCsv("targets: [kind]");
  EXPECT_THAT(settings, Not(Contains(Key("loss"))));
  EXPECT_THAT(settings, Not(Contains(Key("data.classes"))));
  EXPECT_THAT(settings, Not(Contains(Key("data.target_mean"))));
  const auto digits = LoadData("{format: digits}");
  ASSERT_TRUE(digits.ok());
  EXPECT_THAT(CommonSettings(*digits, ""), Not(Contains(Key("data.features"))));
}

}  // namespace
}  // namespace signvote
