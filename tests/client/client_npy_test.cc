#include <gmock/gmock.h>

#include <cmath>

#include "client/data/batch.h"
#include "client/data/npy_file.h"
#include "tests/client/captured_log.h"
#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// As numpy.save writes it, version 1.0.
std::string Npy(const std::string& type, const std::string& shape, const std::string& bytes, bool fortran = false) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': (" + shape + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(header.size()) + '\0' + header + bytes;
}

template <typename T>
std::string Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

absl::StatusOr<NpyArray> Parse(const std::string& bytes) { return ParseNpy("x.npy", bytes); }

TEST(NpyFile, ReadsNumbersOfEveryKind) {
  EXPECT_THAT(std::get<std::vector<float>>(Parse(Npy("<f8", "2,", Bytes<double>({1.5, -2})))->values),
              ElementsAre(1.5, -2));
  EXPECT_THAT(std::get<std::vector<int32_t>>(Parse(Npy("<i8", "2,", Bytes<int64_t>({7, -1})))->values),
              ElementsAre(7, -1));
  EXPECT_THAT(std::get<std::vector<int32_t>>(Parse(Npy("<u2", "1,", Bytes<uint16_t>({65535})))->values),
              ElementsAre(65535));
  EXPECT_THAT(std::get<std::vector<uint8_t>>(Parse(Npy("|u1", "2, 1", "ab"))->values), ElementsAre('a', 'b'));
  EXPECT_THAT(Parse(Npy("<f4", "1, 2, 1", Bytes<float>({1, 2})))->shape, ElementsAre(1, 2, 1));
}

TEST(NpyFile, WhatIsNoPlainArrayIsNamed) {
  const auto problem = [](const std::string& bytes) { return Message(Parse(bytes).status()); };
  EXPECT_THAT(problem("PK\3\4 something else"), AllOf(HasSubstr("x.npy"), HasSubstr("no .npy file")));
  EXPECT_THAT(problem(Npy("<f4", "3,", "abcdefgh")), AllOf(HasSubstr("truncated"), HasSubstr("3 numbers of 4 bytes")));
  EXPECT_THAT(problem(Npy("<f4", "1,", "abcdefgh")), HasSubstr("too long"));
  EXPECT_THAT(problem(Npy("<f4", "1, 2", "abcdefgh", true)), HasSubstr("ascontiguousarray"));
  EXPECT_THAT(problem(Npy("<c8", "1,", "abcdefgh")), HasSubstr("type <c8"));
  EXPECT_THAT(problem(Npy("<f2", "2,", "abcd")), AllOf(HasSubstr("type <f2"), HasSubstr("astype(\"<f4\")")));
  EXPECT_THAT(problem(Npy(">f4", "1,", "abcd")), HasSubstr("type >f4"));
  EXPECT_THAT(problem(Npy("<U5", "1,", std::string(20, 'a'))), HasSubstr("type <U5"));
  EXPECT_THAT(problem(std::string("\x93NUMPY\x02\x00\x00\x00\x10\x00", 12) + std::string(1 << 20, ' ')),
              HasSubstr("header of 1048576 bytes"));
  EXPECT_THAT(problem(Npy("|O", "1,", "abcdefgh")), HasSubstr("type |O"));
  EXPECT_THAT(problem(Npy("<i8", "1,", Bytes<int64_t>({int64_t{1} << 40}))), HasSubstr("1099511627776"));
  EXPECT_THAT(problem(Npy("<f4", "4294967296, 4294967296", "abcd")), HasSubstr("truncated"));
  EXPECT_THAT(problem(Npy("<f4", "1,", "abcd").substr(0, 30)), HasSubstr("within the header"));
}

TEST(NpyFile, TheHeaderItWritesIsRead) {
  for (const std::vector<uint64_t>& shape : {std::vector<uint64_t>{2}, {2, 1}, {1, 2, 1}}) {
    const std::string header = NpyHeader(shape);
    EXPECT_EQ(header.size() % 64, 0u);
    const auto array = Parse(header + Bytes<float>({3, 4}));
    ASSERT_TRUE(array.ok()) << array.status();
    EXPECT_EQ(array->shape, shape);
    EXPECT_THAT(std::get<std::vector<float>>(array->values), ElementsAre(3, 4));
  }
}

class NpyFormat : public testing::Test {
 protected:
  absl::StatusOr<Dataset> Load(const std::string& inputs, const std::string& targets, const std::string& keys = "") {
    return LoadData("{format: npy, path: " + directory_.Write("x.npy", inputs) +
                    ", targets: " + directory_.Write("y.npy", targets) + keys + "}");
  }
  TemporaryDirectory directory_;
};

TEST_F(NpyFormat, BytesAreScaledAndNormalised) {
  const auto dataset = Load(Npy("|u1", "2, 2", std::string("\x00\xff\x33\x66", 4)),
                            Npy("<i8", "2,", Bytes<int64_t>({1, 4})), ", mean: [0.5, 0], deviation: [0.5, 2]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->classes, 5u);
  Batch batch;
  MakeBatch(*dataset, std::vector<uint32_t>{1, 0}, &batch);
  EXPECT_THAT(std::get<std::vector<float>>(batch.inputs.values),
              ElementsAre(testing::FloatEq(-0.6f), testing::FloatEq(0.2f), -1, 0.5f));
  EXPECT_THAT(std::get<std::vector<int64_t>>(batch.targets.values), ElementsAre(4, 1));
}

TEST_F(NpyFormat, RealNumbersAreNormalisedByFeature) {
  const auto dataset = Load(Npy("<f4", "1, 2", Bytes<float>({3, 30})), Npy("<f4", "1, 1", Bytes<float>({7})),
                            ", mean: [1, 10], deviation: [2, 10]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  Batch batch;
  MakeBatch(*dataset, std::vector<uint32_t>{0}, &batch);
  EXPECT_THAT(std::get<std::vector<float>>(batch.inputs.values), ElementsAre(1, 2));
  EXPECT_THAT(std::get<std::vector<float>>(batch.targets.values), ElementsAre(7));
  EXPECT_THAT(batch.targets.shape, ElementsAre(1));
}

TEST_F(NpyFormat, TargetsAreNormalisedByTheFirstDimension) {
  const auto dataset = Load(Npy("<f4", "2,", Bytes<float>({1, 2})), Npy("<i4", "2, 2, 1", Bytes<int32_t>({3, 5, 7, 9})),
                            ", target_mean: [1, 4], target_deviation: [2, 1]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(ValuesOf<float>(dataset->targets), ElementsAre(1, 1, 3, 5));
  EXPECT_THAT(dataset->targets.shape, ElementsAre(2, 1));
}

TEST_F(NpyFormat, WholeTargetsAreNumbersUnderALossOfNumbers) {
  const auto load = [this](const std::string& keys) {
    return LoadData("{format: npy, path: " + directory_.Write("x.npy", Npy("<f4", "3,", Bytes<float>({1, 2, 3}))) +
                    ", targets: " + directory_.Write("y.npy", Npy("<i8", "3,", Bytes<int64_t>({-5, 0, 30}))) + keys);
  };
  const auto degrees = load("}\nloss: mse");
  ASSERT_TRUE(degrees.ok()) << degrees.status();
  EXPECT_THAT(ValuesOf<float>(degrees->targets), ElementsAre(-5, 0, 30));
  EXPECT_EQ(degrees->classes, 0u);
  EXPECT_THAT(Message(load("}").status()), HasSubstr("has label -5"));
}

TEST_F(NpyFormat, WhatDoesNotBelongTogetherIsNamed) {
  const auto problem = [&](auto... arguments) { return Message(Load(arguments...).status()); };
  const std::string two = Npy("<f4", "2,", Bytes<float>({1, 2}));
  EXPECT_THAT(problem(two, Npy("<f4", "1,", "abcd")),
              AllOf(HasSubstr("x.npy and "), HasSubstr("2 samples of inputs but 1 of targets")));
  EXPECT_THAT(problem(Npy("<f4", "", "abcd"), two), HasSubstr("a single number"));
  EXPECT_THAT(problem(two, Npy("<i4", "2,", Bytes<int32_t>({0, -1}))), HasSubstr("sample 1 has label -1"));
  EXPECT_THAT(problem(two, two, ", test_path: z.npy"),
              AllOf(HasSubstr("data.test_path"), HasSubstr("data.test_targets")));
  EXPECT_THAT(problem(Npy("<f4", "1,", Bytes<float>({NAN})), Npy("<f4", "1,", "abcd")),
              AllOf(HasSubstr("inputs of sample 0"), HasSubstr("finite")));
  EXPECT_EQ(LoadData("{format: npy, path: /none.npy, targets: /none.npy}").status().code(),
            absl::StatusCode::kNotFound);
  const std::string there = directory_.Write("x.npy", two);
  EXPECT_THAT(Message(LoadData("{format: npy, path: " + there + ", targets: /none.npy}").status()),
              HasSubstr("data.targets is \"/none.npy\""));
}

TEST_F(NpyFormat, UnderAModulesOwnLossTheInputsMayBeTheTargets) {
  const std::string x = directory_.Write("x.npy", Npy("|u1", "2, 1", std::string("\x00\xff", 2)));
  const auto load = [&](const std::string& keys, Split split = Split::kTrain) {
    return LoadData("{format: npy, mean: [0.5], deviation: [0.5], " + keys + "}\nloss: module", split);
  };
  const auto train = load("path: " + x), test = load("test_path: " + x, Split::kTest);
  ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
  EXPECT_EQ(train->source, x);
  Batch batch;
  for (const Dataset& dataset : {*train, *test}) {
    MakeBatch(dataset, std::vector<uint32_t>{1, 0}, &batch);
    EXPECT_THAT(std::get<std::vector<float>>(batch.targets.values), ElementsAre(1, -1));
  }
  EXPECT_THAT(Message(load("path: " + x + ", test_path: " + x + ", test_targets: " + x).status()),
              HasSubstr("data.targets is missing"));
  EXPECT_THAT(Message(load("path: " + x + ", targets: " + x + ", test_path: " + x).status()),
              HasSubstr("data.test_targets both"));
  EXPECT_THAT(Message(LoadData("{format: npy, path: " + x + "}").status()), HasSubstr("data.targets is missing"));
}

TEST_F(NpyFormat, AValueFarOutsideItsChannelIsWarnedOf) {
  std::vector<float> inputs(50 * 2 * 3, 0.5f);
  inputs[20 * 6 + 4] = -32768;
  const CapturedLog log;
  const auto dataset = Load(Npy("<f4", "50, 2, 3", Bytes(inputs)), Npy("<f4", "50,", Bytes(std::vector<float>(50))));
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(log.Text(), HasSubstr("feature 1 of sample 20 (from 0) is -32768, where nine tenths are 0.5 to 0.5"));
}

TEST_F(NpyFormat, TruthValuesAreZeroAndOne) {
  const std::string values = Npy("|b1", "3,", std::string("\x00\x01\x01", 3));
  const auto dataset = Load(values, values, ", mean: [0.5], deviation: [0.5]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(ValuesOf<float>(dataset->inputs), ElementsAre(0, 1, 1));
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), ElementsAre(0, 1, 1));
  EXPECT_EQ(dataset->classes, 2u);
}

TEST_F(NpyFormat, ClassesMayBeMoreThanThisClientHas) {
  const std::string inputs = Npy("<f4", "2,", Bytes<float>({1, 2}));
  const std::string targets = Npy("<i8", "2,", Bytes<int64_t>({1, 0}));
  EXPECT_EQ(Load(inputs, targets, ", classes: [cat, dog, bird]")->classes, 3u);
  EXPECT_THAT(Message(Load(inputs, targets, ", classes: [cat]").status()), HasSubstr("sample 0 has label 1"));
  EXPECT_THAT(Message(Load(inputs, inputs, ", classes: [cat, dog]").status()),
              HasSubstr("targets that are no classes"));
}

}  // namespace
}  // namespace signvote
