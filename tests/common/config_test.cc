#include "common/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/files.h"
#include "common/status.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Options {
  std::string model;
  std::string rule = "agreement";
  double carry = 0.9;
  float size = 6e-4f;
  uint32_t quorum = 1;
  uint64_t seed = 0;
  bool flip = false;
  absl::Duration deadline = absl::Seconds(60);
  std::vector<std::string> servers;
  std::map<std::string, std::string> labels;
};

absl::StatusOr<Options> Read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  ASSIGN_OR_RETURN(const Config config, Config::Parse(text, "server.yaml", overrides));
  Options options;
  ConfigReader reader(config);
  reader.Read("model", &options.model);
  reader.ReadChoice("rule", &options.rule, {"majority", "it-signsgd", "agreement"});
  reader.Read("carry", &options.carry, Between(0, 0.999));
  reader.Read("step.size", &options.size, Above(0));
  reader.Read("rounds.quorum", &options.quorum, AtLeast(1));
  reader.Read("seed", &options.seed);
  reader.Read("data.flip", &options.flip);
  reader.Read("rounds.deadline", &options.deadline);
  reader.Read("servers", &options.servers);
  reader.Read("labels", &options.labels);
  RETURN_IF_ERROR(reader.Finish());
  return options;
}

std::string Problem(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const absl::Status status = Read(text, overrides).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  return Message(status);
}

TEST(Config, ReadsEveryType) {
  const auto options = Read(R"(
model: "a b"
rule: it-signsgd
carry: 0.5
seed: 18446744073709551615
step: {size: 6e-3}
rounds:
  quorum: 3
  deadline: 1m30s
data: {flip: true}
servers: [a:1, b:2]
labels: {mode: 4, partition: all}
)");
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->model, "a b");
  EXPECT_EQ(options->rule, "it-signsgd");
  EXPECT_EQ(options->carry, 0.5);
  EXPECT_EQ(options->seed, 18446744073709551615u);
  EXPECT_EQ(options->size, 6e-3f);
  EXPECT_EQ(options->quorum, 3u);
  EXPECT_EQ(options->deadline, absl::Seconds(90));
  EXPECT_TRUE(options->flip);
  EXPECT_THAT(options->servers, ElementsAre("a:1", "b:2"));
  EXPECT_THAT(options->labels, ElementsAre(std::pair("mode", "4"), std::pair("partition", "all")));
}

TEST(Config, AbsentKeysKeepTheirDefaults) {
  for (const char* text : {"", "# nothing\n", "rounds:\n", "rounds: {}\n", "labels:\n"}) {
    const auto options = Read(text);
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->quorum, 1u);
    EXPECT_EQ(options->deadline, absl::Seconds(60));
  }
}

TEST(Config, AWrongTypeNamesFileLineKeyValueAndExpectation) {
  EXPECT_EQ(Problem("model: x\n\nrounds:\n  quorum: many\n"),
            "server.yaml:4: rounds.quorum is \"many\": expected a whole number, at least 1");
  EXPECT_EQ(Problem("carry: [1]\n"), "server.yaml:1: carry is a list: expected a number, from 0 to 0.999");
  EXPECT_EQ(Problem("model: {a: b}\n"), "server.yaml:1: model is a section: expected a text");
  EXPECT_EQ(Problem("model:\n"), "server.yaml:1: model is empty: expected a text");
  EXPECT_EQ(Problem("data: {flip: yes}\n"), "server.yaml:1: data.flip is \"yes\": expected true or false");
  EXPECT_EQ(Problem("servers: a\n"), "server.yaml:1: servers is \"a\": expected a list such as [a, b]");
  EXPECT_EQ(Problem("labels: {a: [1]}\n"), "server.yaml:1: labels.a is a list: expected a text");
}

TEST(Config, ASectionWrittenAsAValueIsRefused) {
  EXPECT_EQ(Problem("seed: 1\nrounds: 150\n"),
            "server.yaml:2: rounds is \"150\": expected a section with keys such as rounds.deadline");
}

TEST(Config, WholeNumbersAreNeitherNegativeNorFractionalNorTooLarge) {
  for (const char* bad : {"-1", "0", "1.5", "1e3", "0x10", "+3", "", "nan", "[]"})
    EXPECT_THAT(Problem(fmt::format("rounds: {{quorum: {}}}", bad)), HasSubstr("whole number, at least 1")) << bad;
  EXPECT_THAT(Problem("rounds: {quorum: 4294967296}"), HasSubstr("a whole number, at most 4294967295"));
  EXPECT_THAT(Problem("seed: -1"), HasSubstr("a whole number, at least 0"));
}

TEST(Config, NumbersAreFiniteAndInRange) {
  for (const char* bad : {"nan", ".nan", "inf", ".inf", "-inf", "1e999", "-0.1", "1", "0.5x"})
    EXPECT_THAT(Problem(fmt::format("carry: {}", bad)), HasSubstr("expected a number, from 0 to 0.999")) << bad;
  for (const char* bad : {"0", "-1", "1e40", "1e-60"})
    EXPECT_THAT(Problem(fmt::format("step: {{size: {}}}", bad)), HasSubstr("expected a number, above 0")) << bad;
}

TEST(Config, DurationsNeedAUnitAndAnEnd) {
  for (const char* bad : {"60", "-1s", "inf", "soon", "{}"})
    EXPECT_THAT(Problem(fmt::format("rounds: {{deadline: {}}}", bad)), HasSubstr("expected a duration such as")) << bad;
}

TEST(Config, AChoiceNamesTheChoices) {
  EXPECT_EQ(Problem("rule: majorty\n"),
            "server.yaml:1: rule is \"majorty\": expected one of majority, it-signsgd, agreement");
}

TEST(Config, AnUnknownKeyIsNamedWithTheNearestKnownOne) {
  EXPECT_EQ(Problem("seed: 1\ncarrry: 0.5\n"), "server.yaml:2: unknown key \"carrry\"; did you mean \"carry\"?");
  EXPECT_EQ(Problem("rounds:\n  quorm: 2\n"),
            "server.yaml:2: unknown key \"rounds.quorm\"; did you mean \"rounds.quorum\"?");
  EXPECT_EQ(Problem("quorum: 2\n"), "server.yaml:1: unknown key \"quorum\"; did you mean \"rounds.quorum\"?");
  EXPECT_EQ(Problem("round: {quorum: 2}\n"), "server.yaml:1: unknown key \"round\"; did you mean \"rounds\"?");
  EXPECT_EQ(Problem("something_else: 2\n"), "server.yaml:1: unknown key \"something_else\"");
}

TEST(Config, ADottedKeyInTheFileIsNotASection) {
  EXPECT_THAT(Problem("rounds.quorum: 2\n"), StartsWith("server.yaml:1: unknown key \"rounds.quorum\""));
}

TEST(Config, AKeyThatAppearsTwiceIsRefused) {
  EXPECT_EQ(Problem("seed: 1\nmodel: x\nseed: 2\n"), "server.yaml:3: key \"seed\" appears twice; keep one");
  EXPECT_EQ(Problem("rounds:\n  quorum: 1\n  quorum: 2\n"), "server.yaml:3: key \"quorum\" appears twice; keep one");
}

TEST(Config, MalformedYamlNamesFileAndLine) {
  EXPECT_THAT(Problem("seed: 1\nmodel: [a\n"), StartsWith("server.yaml:3: not valid YAML: "));
  EXPECT_THAT(Problem("seed: 1\n\tmodel: a\n"), StartsWith("server.yaml:2: not valid YAML: "));
  EXPECT_THAT(Problem("- a\n- b\n"), StartsWith("server.yaml:1: expected keys and values"));
  EXPECT_THAT(Problem("seed: 1\n---\nseed: 2\n"), StartsWith("server.yaml:2: a second document"));
  EXPECT_THAT(Problem("seed: 1\n...\n,\n"), StartsWith("server.yaml:3: a second document"));
  EXPECT_THAT(Problem(",seed: 1\n"), StartsWith("server.yaml:1: not valid YAML: "));
  EXPECT_THAT(Problem("a: &a {b: *a}\n"), HasSubstr("server.yaml:1: "));
}

TEST(Config, OverridesAreLaidOverTheFile) {
  const auto options = Read("carry: 0.1\nrounds: {quorum: 3, deadline: 5s}\n",
                            {"carry=0.2", "rounds.quorum=4", "step.size=1e-3", "servers=[x]", "carry=0.3"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->carry, 0.3);
  EXPECT_EQ(options->quorum, 4u);
  EXPECT_EQ(options->deadline, absl::Seconds(5));
  EXPECT_EQ(options->size, 1e-3f);
  EXPECT_THAT(options->servers, ElementsAre("x"));
}

TEST(Config, AnOverrideMayHoldEqualsSignsAndSections) {
  const auto options = Read("rounds:\n", {"model=a=b", "rounds={quorum: 2}", "data.flip=true"});
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->model, "a=b");
  EXPECT_EQ(options->quorum, 2u);
  EXPECT_TRUE(options->flip);
}

TEST(Config, ErrorsInOverridesNameTheOverride) {
  EXPECT_EQ(Problem("rounds: {quorum: 1}\n", {"rounds.quorum=many"}),
            "--set rounds.quorum is \"many\": expected a whole number, at least 1");
  EXPECT_EQ(Problem("", {"rounds={quorum: many}"}),
            "--set rounds.quorum is \"many\": expected a whole number, at least 1");
  EXPECT_EQ(Problem("", {"carrry=1"}), "--set carrry: unknown key; did you mean \"carry\"?");
  EXPECT_EQ(Problem("rounds: {quorum: 1}\n", {"rounds.quorm=1"}),
            "--set rounds.quorm: unknown key; did you mean \"rounds.quorum\"?");
  EXPECT_THAT(Problem("", {"carry"}), StartsWith("--set carry: expected KEY=VALUE"));
  EXPECT_THAT(Problem("", {"=1"}), StartsWith("--set =1: expected KEY=VALUE"));
  EXPECT_THAT(Problem("", {"a..b=1"}), StartsWith("--set a..b=1: expected KEY=VALUE"));
  EXPECT_THAT(Problem("", {"carry=[1"}), StartsWith("--set carry: not valid YAML: "));
  EXPECT_THAT(Problem("seed: 1", {"seed.x=1"}), StartsWith("--set seed.x: a part of this key is a value"));
}

TEST(Config, ARequiredKeyThatIsMissingIsNamed) {
  const auto config = Config::Parse("seed: 1\n", "server.yaml", {});
  ASSERT_TRUE(config.ok());
  ConfigReader reader(*config);
  std::string model;
  reader.Require("model", &model);
  EXPECT_EQ(Message(reader.Finish()), "server.yaml: model is missing: add it, or pass --set model=VALUE");
}

TEST(Config, TheFirstErrorIsKeptAndLaterReadsDoNothing) {
  const auto config = Config::Parse("carry: x\nseed: 5\n", "server.yaml", {});
  ASSERT_TRUE(config.ok());
  ConfigReader reader(*config);
  double carry = 0;
  uint64_t seed = 1;
  reader.Read("carry", &carry);
  reader.Read("seed", &seed);
  reader.Fail("seed", "is odd: expected an even one");
  EXPECT_EQ(seed, 1u);
  EXPECT_THAT(Message(reader.Finish()), StartsWith("server.yaml:1: carry is \"x\""));
}

TEST(Config, CallersFailWithTheSamePlace) {
  const auto config = Config::Parse("seed: 5\nrounds: {quorum: 9}\n", "server.yaml", {"model=x"});
  ASSERT_TRUE(config.ok());
  ConfigReader reader(*config);
  EXPECT_EQ(reader.Where("rounds.quorum"), "server.yaml:2: rounds.quorum");
  EXPECT_EQ(reader.Where("model"), "--set model");
  EXPECT_EQ(reader.Where("carry"), "server.yaml: carry");
  EXPECT_TRUE(reader.Has("rounds.quorum"));
  EXPECT_FALSE(reader.Has("rounds.total"));
  reader.Fail("rounds.quorum", "is 9: expected at most rounds.voters, 5");
  EXPECT_EQ(Message(reader.Finish()), "server.yaml:2: rounds.quorum is 9: expected at most rounds.voters, 5");
}

TEST(Config, LoadNamesTheFileThatIsMissing) {
  const absl::Status status = Config::Load("/nowhere/server.yaml", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr("/nowhere/server.yaml"));
}

TEST(Config, LoadReadsTheFile) {
  Scratch scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "c.yaml", "seed: 3\nbad: 1\n").ok());
  const auto config = Config::Load(scratch / "c.yaml", {});
  ASSERT_TRUE(config.ok());
  ConfigReader reader(*config);
  uint64_t seed = 0;
  reader.Read("seed", &seed);
  EXPECT_EQ(seed, 3u);
  EXPECT_THAT(Message(reader.Finish()), StartsWith(scratch / "c.yaml:2: unknown key \"bad\""));
}

}  // namespace
}  // namespace signvote
