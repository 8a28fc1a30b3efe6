#include "server/ctl/contexts.h"

#include <gmock/gmock.h>

#include "common/status.h"

namespace signvote::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kFile[] =
    "current: lab\n"
    "contexts:\n"
    "  lab: {server: \"fed:7401\", tls: certs}\n"
    "  pair: {server: \"a:1,b:2\", insecure: true}\n";

std::string Problem(const std::string& text) {
  const auto contexts = ParseContexts(text, "config.yaml");
  return contexts.ok() ? "it was accepted" : Message(contexts.status());
}

Target Chosen(const Given& given) {
  const auto target = Choose(given, *ParseContexts(kFile, "config.yaml"));
  EXPECT_TRUE(target.ok()) << target.status();
  return target.ok() ? *target : Target();
}

TEST(Contexts, AreReadAndWrittenTheSame) {
  const auto contexts = ParseContexts(kFile, "config.yaml");
  ASSERT_TRUE(contexts.ok()) << contexts.status();
  EXPECT_EQ(contexts->current, "lab");
  EXPECT_EQ(contexts->all.at("lab").tls, "certs");
  EXPECT_THAT(contexts->all.at("pair").servers, ElementsAre("a:1", "b:2"));
  EXPECT_TRUE(contexts->all.at("pair").insecure);
  const auto again = ParseContexts(RenderContexts(*contexts), "config.yaml");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(RenderContexts(*again), RenderContexts(*contexts));
  EXPECT_TRUE(ParseContexts("", "config.yaml")->all.empty());
  EXPECT_TRUE(ParseContexts("contexts: {}\n", "config.yaml")->all.empty());
}

TEST(Contexts, ErrorsNameFileLineAndKey) {
  EXPECT_THAT(Problem("contexts:\n  a: {server: x, tsl: y}\n"),
              HasSubstr("config.yaml:2: unknown key \"contexts.a.tsl\""));
  EXPECT_THAT(Problem("contexts:\n  a:\n    tls: y\n"), HasSubstr("config.yaml:2: contexts.a has no server"));
  EXPECT_THAT(Problem("current: b\ncontexts:\n  a: {server: x}\n"), HasSubstr("config.yaml:1: current is \"b\""));
  EXPECT_THAT(Problem("contexts: 5\n"), HasSubstr("config.yaml:1: contexts is \"5\""));
  EXPECT_THAT(Problem("contexts:\n  a.b: {server: x}\n"), HasSubstr("context name \"a.b\""));
  EXPECT_THAT(Problem("contexts:\n  a: {server: x, tls: y, insecure: true}\n"), HasSubstr("expected one of them"));
  EXPECT_THAT(Problem("contexts: [\n"), HasSubstr("not valid YAML"));
}

TEST(Target, IsThisMachineWhenNothingIsSaid) { EXPECT_THAT(Choose({}, {})->servers, ElementsAre("127.0.0.1:7401")); }

TEST(Target, IsTheContextInUseUnlessServersAreGiven) {
  EXPECT_EQ(Chosen({}).tls, "certs");
  Given given;
  given.servers = {"c:3"};
  EXPECT_THAT(Chosen(given).servers, ElementsAre("c:3"));
  EXPECT_EQ(Chosen(given).tls, "") << "its certificate is for others";
}

TEST(Target, OptionsGoBeforeTheContextThatIsNamed) {
  Given given;
  given.context = "pair";
  EXPECT_THAT(Chosen(given).servers, ElementsAre("a:1", "b:2"));
  given.servers = {"c:3"};
  EXPECT_THAT(Chosen(given).servers, ElementsAre("c:3"));
  EXPECT_TRUE(Chosen(given).insecure);
  given.tls = "mine";
  EXPECT_EQ(Chosen(given).tls, "mine");
  EXPECT_FALSE(Chosen(given).insecure);
}

TEST(Contexts, ServersStandBetweenCommas) {
  EXPECT_THAT(SplitServers("a:7401,b:7401"), ElementsAre("a:7401", "b:7401"));
  EXPECT_THAT(SplitServers("a:7401,"), ElementsAre("a:7401"));
  EXPECT_THAT(SplitServers(""), testing::IsEmpty());
}

}  // namespace
}  // namespace signvote::ctl
