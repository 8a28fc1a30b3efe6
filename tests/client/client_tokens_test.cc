#include <gmock/gmock.h>

#include "client/data/batch.h"
#include "client/data/npy_file.h"
#include "tests/client/data_source.h"
#include "tests/client/temporary_directory.h"

namespace signvote {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Tokens : public testing::Test {
 protected:
  absl::StatusOr<Dataset> Load(const std::string& name, const std::string& bytes, const std::string& keys,
                               Split split = Split::kTrain) {
    return LoadData("{format: tokens, path: " + directory_.Write(name, bytes) + ", " + keys + "}", split);
  }
  TemporaryDirectory directory_;
};

TEST_F(Tokens, TextIsCutIntoWindowsAndTheTargetsAreTheNextBytes) {
  const auto dataset = Load("t.txt", "abcdefgh", "length: 3");
  ASSERT_TRUE(dataset.ok()) << dataset.status();
  EXPECT_EQ(dataset->size(), 2u) << "h has no successor";
  Batch batch;
  MakeBatch(*dataset, std::vector<uint32_t>{1, 0}, &batch);
  EXPECT_THAT(batch.inputs.shape, ElementsAre(3));
  EXPECT_THAT(std::get<std::vector<int64_t>>(batch.inputs.values), ElementsAre('d', 'e', 'f', 'a', 'b', 'c'));
  EXPECT_THAT(std::get<std::vector<int64_t>>(batch.targets.values), ElementsAre('e', 'f', 'g', 'b', 'c', 'd'));
}

TEST_F(Tokens, ATestFractionTakesWholeWindows) {
  const std::string text = "abcdefghijklmnopqrstuvwxyz";
  const auto train = Load("t.txt", text, "length: 5, test: 0.4");
  const auto test = Load("t.txt", text, "length: 5, test: 0.4", Split::kTest);
  ASSERT_TRUE(train.ok() && test.ok()) << train.status() << test.status();
  EXPECT_EQ(train->size(), 3u);
  EXPECT_EQ(test->size(), 2u);
  for (const Dataset* part : {&*train, &*test}) {
    for (size_t i = 0; i < part->size(); ++i) {
      const auto window = part->inputs.Sample<int32_t>(i);
      ASSERT_EQ(window.size(), 6u);
      EXPECT_EQ((window.front() - 'a') % 5, 0);
      EXPECT_EQ(window.back() - window.front(), 5);
    }
  }
}

TEST_F(Tokens, ReadsUint16AndNumPy) {
  EXPECT_THAT(ValuesOf<int32_t>(Load("t.bin", std::string("\1\0\0\2\5\0", 6), "length: 2")->inputs),
              ElementsAre(1, 512, 5));
  const std::vector<uint64_t> three = {3};
  std::string array = NpyHeader(three) + std::string("\1\0\0\0\2\0\0\0\3\0\0\0", 12);
  EXPECT_THAT(Message(Load("t.npy", array, "length: 2").status()), HasSubstr("holds real numbers"));
  array.replace(array.find("<f4"), 3, "<i4");
  EXPECT_THAT(ValuesOf<int32_t>(Load("t.npy", array, "length: 2")->inputs), ElementsAre(1, 2, 3));
}

TEST_F(Tokens, WhatIsWrongIsNamed) {
  const auto problem = [&](auto... arguments) { return Message(Load(arguments...).status()); };
  EXPECT_THAT(problem("t.txt", "abc", "length: 3"), AllOf(HasSubstr("t.txt"), HasSubstr("3 tokens"), HasSubstr("(4)")));
  EXPECT_THAT(problem("t.bin", "abc", "length: 1"), HasSubstr("3 bytes"));
  EXPECT_THAT(problem("t.txt", "abc", "test: 0.1"), HasSubstr("client.yaml: data.length is missing"));
  EXPECT_THAT(problem("t.txt", "abc", "length: 1, classes: [a]"), HasSubstr("data.classes"));
}

}  // namespace
}  // namespace signvote
