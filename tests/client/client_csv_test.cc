#include <gmock/gmock.h>

#include <filesystem>

#include "client/data/batch.h"
#include "client/data/csv_rows.h"
#include "tests/client/captured_log.h"
#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<std::vector<std::string>>;

absl::StatusOr<Rows> RowsOf(std::string_view text) {
  CsvRows reader("t.csv", text, ',');
  Rows rows;
  std::vector<std::string> row;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(&row));
    if (!more) return rows;
    rows.push_back(row);
  }
}

TEST(CsvRows, FieldsMayBeQuotedAndHoldSeparatorsQuotesAndNewlines) {
  const auto rows = RowsOf(
      "\xEF\xBB\xBF"
      "a, b ,\"c,\"\"d\"\"\n\"\r\n\n1,,\r\n");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(*rows, (Rows{{"a", "b", "c,\"d\"\n"}, {"1", "", ""}}));
}

TEST(CsvRows, AnOpenQuoteIsNamedByTheLineOfItsRow) {
  EXPECT_THAT(Message(RowsOf("a\n\"b\nc\n").status()), AllOf(HasSubstr("t.csv:2"), HasSubstr("never closed")));
  EXPECT_THAT(Message(RowsOf("\"a\"b\n").status()), AllOf(HasSubstr("t.csv:1"), HasSubstr("after a closing quote")));
}

class Csv : public testing::Test {
 protected:
  absl::StatusOr<Dataset> Load(const std::string& text, const std::string& keys, Split split = Split::kTrain) {
    const std::string path = directory_.Write("t.csv", text);
    return LoadData("{format: csv, path: " + path + ", " + keys + "}", split);
  }
  std::string Problem(const std::string& text, const std::string& keys) { return Message(Load(text, keys).status()); }
  TemporaryDirectory directory_;
};

TEST_F(Csv, WholeNumbersInOneTargetColumnAreClasses) {
  const auto dataset = Load("a,kind,b\n1,0,2.5\n-3,2,1e2\n", "targets: [kind]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(dataset->inputs.shape, ElementsAre(2));
  EXPECT_THAT(ValuesOf<float>(dataset->inputs), ElementsAre(1, 2.5, -3, 100));
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), ElementsAre(0, 2));
  EXPECT_EQ(dataset->classes, 3u);
  EXPECT_EQ(dataset->class_numbers, ClassNumbers::kFile);
}

TEST_F(Csv, OtherTargetsAreNumbers) {
  const auto one = Load("a,y\n1,0.5\n2,3\n", "targets: [y]");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(ValuesOf<float>(one->targets), ElementsAre(0.5, 3));
  EXPECT_THAT(one->targets.shape, ElementsAre());
  const auto two = Load("z,a,y\n7,1,2\n8,3,4\n", "targets: [y, z], features: [a]");
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_THAT(two->targets.shape, ElementsAre(2));
  EXPECT_THAT(ValuesOf<float>(two->targets), ElementsAre(2, 7, 4, 8));
  EXPECT_THAT(ValuesOf<float>(two->inputs), ElementsAre(1, 3));
  EXPECT_EQ(two->classes, 0u);
}

TEST_F(Csv, ClassesMayHaveNames) {
  const auto dataset = Load("a,kind\n1,dog\n2,cat\n", "targets: [kind], classes: [cat, dog, bird]");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(ValuesOf<int32_t>(dataset->targets), ElementsAre(1, 0));
  EXPECT_EQ(dataset->classes, 3u);
  EXPECT_EQ(dataset->class_numbers, ClassNumbers::kNamed);
  EXPECT_THAT(Problem("a,kind\n1,dog\n2,cow\n", "targets: [kind], classes: [cat, dog]"),
              AllOf(HasSubstr("t.csv:3"), HasSubstr("column \"kind\" is \"cow\""), HasSubstr("\"cat\", \"dog\"")));
}

TEST_F(Csv, WithoutAHeaderColumnsAreNumbered) {
  const auto dataset = Load("1;2;0\n3;4;1\n", "targets: [\"3\"], header: false, separator: \";\"");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(ValuesOf<float>(dataset->inputs), ElementsAre(1, 2, 3, 4));
}

TEST_F(Csv, ABadRowIsNamedByFileAndLine) {
  EXPECT_THAT(Problem("a,y\n1,2\n\n3\n", "targets: [y]"),
              AllOf(HasSubstr("t.csv:4"), HasSubstr("1 fields"), HasSubstr("the 2 of the first row")));
  EXPECT_THAT(Problem("a,y\n1,2\nred,3\n", "targets: [y]"),
              AllOf(HasSubstr("t.csv:3"), HasSubstr("column \"a\" is \"red\""), HasSubstr("expected a number"),
                    HasSubstr("leave the column out of data.features")));
  EXPECT_THAT(Problem("a,y\n1,\n", "targets: [y]"), AllOf(HasSubstr("t.csv:2"), HasSubstr("column \"y\" is empty")));
  EXPECT_THAT(Problem("a,y\n1,nan\n", "targets: [y]"), AllOf(HasSubstr("t.csv:2"), HasSubstr("\"nan\"")));
  for (const char* text : {"", "NA", "NaN", "null", "?"}) {
    EXPECT_THAT(Problem(fmt::format("a,y\n{},1\n", text), "targets: [y]"),
                AllOf(HasSubstr("column \"a\" is"), HasSubstr("fill it in, or leave the row out")));
  }
  EXPECT_THAT(Problem("a,y\n1,red\n", "targets: [y]"), HasSubstr("name the classes in data.classes"));
}

TEST_F(Csv, AMissingColumnIsNamedWithThoseThatExist) {
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [price]"),
              AllOf(HasSubstr("no column \"price\""), HasSubstr("are: \"a\", \"y\"")));
  EXPECT_THAT(Problem("a,y\n", "targets: [y]"), HasSubstr("holds no samples"));
}

TEST_F(Csv, ALongListOfColumnsIsCutShort) {
  std::string header = "y";
  for (int i = 1; i < 100; ++i) header += fmt::format(",x{}", i);
  EXPECT_THAT(Problem(header + "\n", "targets: [z]"), HasSubstr("\"x18\", \"x19\", and 80 more"));
}

TEST_F(Csv, AColumnThatIsReadIsThereOnce) {
  EXPECT_THAT(Problem("a,a,y\n1,2,3\n", "targets: [y]"), HasSubstr("t.csv: has 2 columns \"a\""));
  EXPECT_THAT(Problem("a,y,y\n1,2,3\n", "targets: [y]"), HasSubstr("t.csv: has 2 columns \"y\""));
  EXPECT_TRUE(Load("a,b,b,y\n1,2,3,4\n", "targets: [y], features: [a]").ok());
}

TEST_F(Csv, AWrongPathIsNamedByItsKey) {
  const auto problem = [](const std::string& keys, Split split) {
    const absl::Status status = LoadData("{format: csv, targets: [y], " + keys + "}", split).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    return Message(status);
  };
  EXPECT_THAT(problem("path: /none.csv", Split::kTrain), HasSubstr("client.yaml:1: data.path is \"/none.csv\""));
  EXPECT_THAT(problem("path: none.csv", Split::kTrain), HasSubstr(std::filesystem::current_path().string()));
  EXPECT_THAT(problem("path: /none.csv, test_path: /no.csv", Split::kTest), HasSubstr("data.test_path is \"/no.csv\""));
}

TEST_F(Csv, KeysThatCannotBeAreNamed) {
  EXPECT_THAT(Problem("a,y\n1,2\n", "features: [a]"), HasSubstr("client.yaml: data.targets is missing"));
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [y], length: 4"), HasSubstr("data.length"));
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [y], mean: [1]"), HasSubstr("data.mean is there without data.deviation"));
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [y], mean: [1], deviation: [1, 2]"), HasSubstr("1 means for 2"));
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [y], mean: [1, 2], deviation: [1, 2]"),
              AllOf(HasSubstr("data.mean and data.deviation hold 2"), HasSubstr("each of the 1 channels")));
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [y], mean: [x], deviation: [1]"), HasSubstr("\"x\""));
}

class TestSplit : public Csv {
 protected:
  static std::string Hundred() {
    std::string text = "a,y\n";
    for (int i = 0; i < 100; ++i) text += fmt::format("{},0\n", i);
    return text;
  }
};

TEST_F(TestSplit, AFractionIsTakenOutOfTraining) {
  const auto train = Load(Hundred(), "targets: [y], test: 0.2");
  const auto test = Load(Hundred(), "targets: [y], test: 0.2", Split::kTest);
  ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
  EXPECT_EQ(train->size(), 80u);
  EXPECT_EQ(test->size(), 20u);
  std::vector<float> all = ValuesOf<float>(train->inputs);
  const auto& rest = ValuesOf<float>(test->inputs);
  EXPECT_TRUE(std::is_sorted(rest.begin(), rest.end()));
  EXPECT_GT(rest.back() - rest.front(), 50) << "not the first or the last ones";
  all.insert(all.end(), rest.begin(), rest.end());
  std::sort(all.begin(), all.end());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(all[static_cast<size_t>(i)], static_cast<float>(i));
}

TEST_F(TestSplit, WhoTestsWithAFractionIsToldWhatOthersNeed) {
  const auto told = [this](Split split) {
    const CapturedLog log;
    EXPECT_TRUE(Load(Hundred(), "targets: [y], test: 0.2", split).ok());
    return log.Text();
  };
  EXPECT_THAT(told(Split::kTest), AllOf(HasSubstr("data.test: 0.2 keeps 20 of 100 samples"), HasSubstr("same file")));
  EXPECT_THAT(told(Split::kTrain), testing::Not(HasSubstr("data.test")));
}

TEST_F(TestSplit, ATestFileIsReadForTesting) {
  const std::string other = directory_.Write("test.csv", "a,y\n5,1\n");
  const auto test = Load(Hundred(), "targets: [y], test_path: " + other, Split::kTest);
  ASSERT_TRUE(test.ok()) << test.status();
  EXPECT_THAT(ValuesOf<float>(test->inputs), ElementsAre(5));
  EXPECT_EQ(Load(Hundred(), "targets: [y], test_path: " + other)->size(), 100u);
}

TEST_F(TestSplit, WhoOnlyMeasuresNeedsNoTrainingSet) {
  const std::string keys = "{format: csv, targets: [y], test_path: " + directory_.Write("test.csv", Hundred()) + "}";
  EXPECT_EQ(LoadData(keys, Split::kTest)->size(), 100u);
  EXPECT_THAT(Message(LoadData(keys, Split::kTrain).status()),
              AllOf(HasSubstr("data.path is missing"), HasSubstr("samples to train on")));
  EXPECT_THAT(Message(LoadData("{format: csv, targets: [y]}").status()), HasSubstr("data.path"));
}

TEST_F(TestSplit, WithoutEitherThereIsNoTestSet) {
  EXPECT_EQ(Load(Hundred(), "targets: [y]")->size(), 100u);
  EXPECT_THAT(Message(Load(Hundred(), "targets: [y]", Split::kTest).status()),
              AllOf(HasSubstr("no test set"), HasSubstr("data.test_path")));
  EXPECT_THAT(Problem(Hundred(), "targets: [y], test: 0.5, test_path: x"), HasSubstr("data.test"));
}

TEST_F(Csv, WholeNumbersStayNumbersForALossOfNumbers) {
  const std::string path = directory_.Write("t.csv", "a,price\n1,300000\n2,0\n");
  const auto load = [&](const std::string& loss, const std::string& keys = "") {
    return LoadData("{format: csv, path: " + path + ", targets: [price]" + keys + "}\nloss: " + loss, Split::kTrain);
  };
  for (const char* loss : {"mse", "module"}) {
    EXPECT_THAT(ValuesOf<float>(load(loss)->targets), ElementsAre(300000, 0)) << loss;
    EXPECT_EQ(load(loss)->classes, 0u);
  }
  for (const char* loss : {"cross_entropy", "bce"}) EXPECT_EQ(load(loss)->classes, 300001u) << loss;
  EXPECT_EQ(load("module", ", classes: [\"0\", \"300000\"]")->Class(0), 1) << "said to be classes";
}

TEST_F(Csv, UnderAModulesOwnLossTheInputsMayBeTheTargets) {
  const std::string path = directory_.Write("t.csv", "a,b\n1,20\n3,40\n5,60\n7,80\n");
  const auto load = [&](const std::string& keys) {
    return LoadData("{format: csv, path: " + path + ", mean: [1, 20], deviation: [2, 10], test: 0.5" + keys);
  };
  const CapturedLog log;
  const auto dataset = load("}\nloss: module");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_THAT(log.Text(), HasSubstr("t.csv: no data.targets are named"));
  EXPECT_THAT(dataset->inputs.shape, ElementsAre(2)) << "all columns";
  Batch batch;
  MakeBatch(*dataset, std::vector<uint32_t>{1}, &batch);
  const auto& inputs = ValuesOf<float>(dataset->inputs);
  EXPECT_THAT(std::get<std::vector<float>>(batch.targets.values),
              ElementsAre((inputs[2] - 1) / 2, (inputs[3] - 20) / 10));
  EXPECT_THAT(batch.targets.shape, ElementsAre(2));
  EXPECT_THAT(Message(load("}\nloss: mse").status()), HasSubstr("data.targets is missing"));
  EXPECT_THAT(Message(load(", target_mean: [1], target_deviation: [1]}\nloss: module").status()),
              HasSubstr("data.target_mean is there without data.targets"));
  EXPECT_THAT(Message(load(", classes: [a]}\nloss: module").status()),
              HasSubstr("data.classes is there without data.targets"));
}

TEST_F(Csv, TargetsAreBroughtToTheModulesUnit) {
  const std::string table = "a,price,rent\n1,100,7\n2,300,9\n";
  const auto one = Load(table, "targets: [price], target_mean: [200], target_deviation: [50]");
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_THAT(ValuesOf<float>(one->targets), ElementsAre(-2, 2)) << "whole numbers, and yet no classes";
  EXPECT_EQ(one->classes, 0u);
  const auto two = Load(table, "targets: [price, rent], target_mean: [200, 8], target_deviation: [50, 2]");
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_THAT(ValuesOf<float>(two->targets), ElementsAre(-2, -0.5, 2, 0.5));
  EXPECT_THAT(Problem(table, "targets: [price], target_mean: [1, 2], target_deviation: [1, 2]"),
              AllOf(HasSubstr("data.target_mean"), HasSubstr("2 numbers each"), HasSubstr("each of the 1 outputs")));
  EXPECT_THAT(Problem(table, "targets: [price], target_mean: [1]"), HasSubstr("without data.target_deviation"));
  EXPECT_THAT(Problem(table, "targets: [price], target_mean: [1], target_deviation: [0]"),
              HasSubstr("data.target_deviation holds 0"));
  EXPECT_THAT(Problem(table, "targets: [price], target_mean: [1], target_deviation: [1], classes: [cat]"),
              AllOf(HasSubstr("data.target_mean"), HasSubstr("beside data.classes")));
  EXPECT_THAT(Problem(table, "targets: [price], target_mean: [1], target_deviation: [1]}\nloss: bce\nseed: {"),
              AllOf(HasSubstr("data.target_mean"), HasSubstr("beside loss bce")));
}

TEST_F(Csv, TargetsThatASumOfStepsDoesNotReachAreWarnedOfUnderMse) {
  const auto warning = [&](const std::string& table, const std::string& keys) {
    const std::string path = directory_.Write("t.csv", table);
    const CapturedLog log;
    const auto dataset = LoadData("{format: csv, path: " + path + ", targets: " + keys);
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    return log.Text();
  };
  const std::string prices = "a,price,rent\n1,100,1\n2,300,2\n";
  EXPECT_THAT(warning(prices, "[price]}\nloss: mse"),
              AllOf(HasSubstr("warning:"), HasSubstr("t.csv: its targets have mean 200 and deviation 100"),
                    HasSubstr("data.target_mean: [200] and data.target_deviation: [100]")));
  EXPECT_THAT(warning(prices, "[rent, price]}\nloss: mse"), HasSubstr("data.target_mean: [1.5, 200]"));
  EXPECT_THAT(warning("a,y\n1,0.001\n2,0.003\n", "[y]}\nloss: mse"), HasSubstr("data.target_deviation: [0.001]"));
  EXPECT_EQ(warning(prices, "[rent]}\nloss: mse"), "");
  EXPECT_EQ(warning(prices, "[price]}\nloss: module"), "") << "which may take any unit";
  EXPECT_EQ(warning(prices, "[price], target_mean: [0], target_deviation: [1]}\nloss: mse"), "") << "as it was said";
}

// Rows of "age" 20 to 79 and "dose" 0 (ten times 1), then what is given.
std::string WithRow(const std::string& last) {
  std::string text = "age,dose,y\n";
  for (int i = 0; i < 600; ++i) text += fmt::format("{},{},0\n", 20 + i % 60, i % 60 == 0 ? 1 : 0);
  return text + last;
}

TEST_F(Csv, AValueThatStandsForAMissingOneIsWarnedOf) {
  const auto warning = [&](const std::string& last, const std::string& keys = "") {
    const CapturedLog log;
    const auto dataset = Load(WithRow(last), "targets: [y], test: 0.5" + keys);
    EXPECT_TRUE(dataset.ok()) << dataset.status();
    return log.Text();
  };
  EXPECT_EQ(warning("200,50,1\n"), "") << "rare, but none that is impossible";
  EXPECT_THAT(warning("-9999,0,1\n"),
              AllOf(HasSubstr("warning:"), HasSubstr("t.csv: \"age\" of sample 600 (from 0) is -9999"),
                    HasSubstr("nine tenths are 2"), HasSubstr("1 values"), HasSubstr("leave the sample out")));
  EXPECT_THAT(warning("-9999,0,1\n30,1e30,1\n"),
              AllOf(HasSubstr("\"dose\" of sample 601 (from 0) is 1e+30"), HasSubstr("2 values")));
  EXPECT_THAT(warning("30,500,1\n"), HasSubstr("is 500"));
  EXPECT_EQ(warning("30,500,1\n", ", mean: [50, 0], deviation: [20, 10]"), "") << "50 deviations";
}

TEST_F(Csv, NumbersTooSmallForFloatAreZero) {
  EXPECT_THAT(ValuesOf<float>(Load("a,y\n1e-50,2\n+1,0\n", "targets: [y], mean: [1e-50], deviation: [1]")->inputs),
              ElementsAre(0, 1));
  EXPECT_THAT(Problem("a,y\n1e39,2\n", "targets: [y]"), HasSubstr("expected a number"));
}

TEST_F(Csv, ATargetIsNoFeature) {
  EXPECT_THAT(Problem("a,y\n1,2\n", "targets: [y], features: [a, y]"),
              AllOf(HasSubstr("data.features"), HasSubstr("names \"y\"")));
}

}  // namespace
}  // namespace signvote
