#include "client/data/partition.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "common/status.h"

namespace signvote {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

// Labels 0 1 2 ... 9 0 1 2 ..., of one pixel: partitions read the labels alone.
Dataset TenClasses(size_t samples) {
  Dataset dataset;
  dataset.source = "test";
  dataset.classes = 10;
  std::vector<int32_t> labels;
  for (size_t i = 0; i < samples; ++i) labels.push_back(static_cast<int32_t>(i % 10));
  dataset.inputs.values = std::vector<uint8_t>(samples);
  dataset.targets.values = std::move(labels);
  return dataset;
}

std::vector<uint32_t> Share(const Dataset& dataset, const std::string& kind, uint32_t index, uint32_t count,
                            uint64_t seed = 0) {
  auto share = PartitionOf(dataset, {kind, index, count, seed});
  EXPECT_TRUE(share.ok()) << share.status();
  return share.ok() ? *share : std::vector<uint32_t>{};
}

std::set<int> LabelsOf(const Dataset& dataset, const std::vector<uint32_t>& share) {
  std::set<int> labels;
  for (const uint32_t sample : share) labels.insert(dataset.Class(sample));
  return labels;
}

std::string Problem(const std::string& kind, uint32_t index, uint32_t count) {
  return Message(PartitionOf(TenClasses(100), {kind, index, count, 0}).status());
}

TEST(Partition, AllGivesEveryClientEverything) { EXPECT_EQ(Share(TenClasses(50), "all", 3, 15).size(), 50u); }

class Covering : public testing::TestWithParam<const char*> {};

TEST_P(Covering, SharesAreDisjointAndTogetherEverything) {
  const Dataset dataset = TenClasses(1003);
  std::vector<int> seen(dataset.size(), 0);
  for (uint32_t m = 0; m < 7; ++m) {
    for (const uint32_t sample : Share(dataset, GetParam(), m, 7, 42)) ++seen[sample];
  }
  EXPECT_THAT(seen, testing::Each(1));
}
INSTANTIATE_TEST_SUITE_P(Kinds, Covering, testing::Values("iid", "dirichlet:0.5", "dirichlet:100"));

TEST(Partition, IsAFunctionOfSeedAndIndex) {
  const Dataset dataset = TenClasses(1000);
  for (const char* kind : {"iid", "dirichlet:0.5"}) {
    EXPECT_EQ(Share(dataset, kind, 2, 5, 1), Share(dataset, kind, 2, 5, 1));
    EXPECT_NE(Share(dataset, kind, 2, 5, 1), Share(dataset, kind, 2, 5, 2));
    EXPECT_NE(Share(dataset, kind, 2, 5, 1), Share(dataset, kind, 3, 5, 1));
  }
}

TEST(Partition, IidSharesAreOfEqualSizeAndMixed) {
  const Dataset dataset = TenClasses(1000);
  const auto share = Share(dataset, "iid", 4, 10);
  EXPECT_EQ(share.size(), 100u);
  EXPECT_EQ(LabelsOf(dataset, share).size(), 10u);
}

TEST(Partition, LabelsGivesConsecutiveClassesModuloTheirNumber) {
  const Dataset dataset = TenClasses(1000);
  EXPECT_THAT(LabelsOf(dataset, Share(dataset, "labels:2", 0, 15)), UnorderedElementsAre(0, 1));
  EXPECT_THAT(LabelsOf(dataset, Share(dataset, "labels:2", 6, 15)), UnorderedElementsAre(2, 3));
  EXPECT_THAT(LabelsOf(dataset, Share(dataset, "labels:3", 3, 15)), UnorderedElementsAre(9, 0, 1));
  EXPECT_EQ(Share(dataset, "labels:2", 0, 15).size(), 200u);
}

TEST(Partition, GroupsSplitTheClassesBetweenTwoKindsOfClients) {
  const Dataset dataset = TenClasses(1000);
  EXPECT_THAT(LabelsOf(dataset, Share(dataset, "groups:12:8", 11, 15)), UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(LabelsOf(dataset, Share(dataset, "groups:12:8", 12, 15)), UnorderedElementsAre(8, 9));
}

// Proportions from Dirichlet(alpha) over `count` clients have variance (count - 1) / (count^2 (count * alpha + 1)).
TEST(Partition, DirichletProportionsHaveTheVarianceOfTheirAlpha) {
  const Dataset dataset = TenClasses(20000);
  for (const double alpha : {0.3, 5.0}) {
    constexpr uint32_t kCount = 5;
    double squares = 0;
    int proportions = 0;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      for (uint32_t m = 0; m < kCount; ++m) {
        std::vector<double> of_class(10, 0.0);
        for (const uint32_t sample : Share(dataset, fmt::format("dirichlet:{}", alpha), m, kCount, seed)) {
          of_class[dataset.Class(sample)] += 1.0 / 2000;
        }
        for (const double p : of_class) squares += (p - 1.0 / kCount) * (p - 1.0 / kCount);
        proportions += 10;
      }
    }
    const double expected = (kCount - 1.0) / (kCount * kCount * (kCount * alpha + 1));
    EXPECT_NEAR(squares / proportions, expected, 0.15 * expected) << "alpha " << alpha;
  }
}

// Each class is drawn for once: by classes times samples this would not end.
TEST(Partition, DirichletTakesManyClassesInItsStride) {
  Dataset dataset = TenClasses(1 << 20);
  auto& labels = std::get<std::vector<int32_t>>(dataset.targets.values);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i / 4);
  dataset.classes = 1 << 18;
  const size_t first = Share(dataset, "dirichlet:1", 0, 2).size(), second = Share(dataset, "dirichlet:1", 1, 2).size();
  EXPECT_EQ(first + second, dataset.size());
}

TEST(Partition, AnEmptyShareIsNamed) {
  EXPECT_THAT(Problem("iid", 150, 200), testing::AnyOf(HasSubstr("share 150 of 200"), testing::IsEmpty()));
  const Dataset one = TenClasses(1);
  EXPECT_THAT(Message(PartitionOf(one, {"labels:2", 3, 15, 0}).status()),
              testing::AllOf(HasSubstr("share 3 of 15"), HasSubstr("labels:2"), HasSubstr("is empty")));
}

TEST(Partition, ImpossibleOptionsAreRefused) {
  EXPECT_THAT(Problem("iid", 15, 15), HasSubstr("data.index is 15"));
  EXPECT_THAT(Problem("labels:11", 0, 1), HasSubstr("test has 10 classes"));
  for (const char* kind : {"", "some", "labels", "labels:0", "labels:1.5", "labels:2:3", "dirichlet:-1", "dirichlet:x",
                           "groups:3", "iid:2", "labels:"}) {
    EXPECT_THAT(Problem(kind, 0, 1), HasSubstr("expected all, iid")) << kind;
  }
}

}  // namespace
}  // namespace signvote
