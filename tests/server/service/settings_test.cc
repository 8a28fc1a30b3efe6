#include "server/service/settings.h"

#include <gmock/gmock.h>

#include "tests/server/service/federation_harness.h"

namespace signvote {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using H = FederationHarness;
using Settings = std::map<std::string, uint64_t>;

v1::ClientMessage JoinWith(const std::string& name, const Settings& settings) {
  v1::ClientMessage join = H::JoinOf(name);
  join.mutable_join()->mutable_settings()->insert(settings.begin(), settings.end());
  return join;
}

// What the server tells the newcomer.
std::string WarningOf(H* h, SessionId session) {
  const auto welcomes = h->Read(session).Of(v1::ServerMessage::kWelcome);
  return welcomes.empty() ? "no welcome" : welcomes[0].welcome().warning();
}

std::vector<std::string> Told(const H& h) {
  std::vector<std::string> told;
  for (const v1::Event& event : h.federation->events().After(0)) {
    if (event.kind() == v1::SETTINGS_DIFFER) told.push_back(event.client() + ": " + event.detail());
  }
  return told;
}

TEST(Settings, WhoComputesByOthersIsToldAndSoAreAdministrators) {
  H h;
  h.Join(JoinWith("ada", {{"data.mean", 1}, {"loss", 1}}));
  EXPECT_EQ(WarningOf(&h, h.Join(JoinWith("bob", {{"data.mean", 1}, {"loss", 1}}))), "");
  h.Join("old");  // of a program that tells nothing
  EXPECT_THAT(Told(h), IsEmpty());
  EXPECT_EQ(WarningOf(&h, h.Join(JoinWith("eve", {{"data.mean", 2}, {"loss", 1}}))),
            "data.mean is not that of 2 of 2 other clients")
      << "names are no matter of a client's";
  EXPECT_THAT(Told(h), testing::ElementsAre("eve: data.mean is not that of 2 of 2 other clients (ada, bob)"));
}

TEST(Settings, WhoCameFirstAndIsUnlikeTheOthersIsTheOneThatIsTold) {
  H h;
  h.Join(JoinWith("eve", {{"loss", 2}}));
  EXPECT_EQ(WarningOf(&h, h.Join(JoinWith("ada", {{"loss", 1}}))), "loss is not that of 1 of 1 other client");
  EXPECT_EQ(WarningOf(&h, h.Join(JoinWith("bob", {{"loss", 1}}))), "") << "most have what bob has";
  EXPECT_EQ(WarningOf(&h, h.Join(JoinWith("cyd", {{"loss", 1}}))), "");
  EXPECT_THAT(Told(h), testing::ElementsAre("ada: loss is not that of 1 of 1 other client (eve)",
                                            "eve: loss is not that of 2 of 2 other clients"));
}

TEST(Settings, WhoIsGoneIsNotCompared) {
  H h;
  h.federation->Closed(h.Join(JoinWith("eve", {{"loss", 2}})));
  h.Join(JoinWith("ada", {{"loss", 1}}));
  EXPECT_THAT(Told(h), IsEmpty());
}

TEST(Settings, KeysOfOneAloneAreNoDifference) {
  H h;
  h.Join(JoinWith("ada", {{"data.mean", 1}}));
  h.Join(JoinWith("bob", {{"data.features", 7}}));
  EXPECT_THAT(Told(h), IsEmpty());
}

TEST(Settings, AFewNamesStandForMany) {
  H h;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) h.Join(JoinWith(name, {{"loss", 1}}));
  h.Join(JoinWith("g", {{"loss", 2}}));
  EXPECT_EQ(Told(h).back(), "g: loss is not that of 6 of 6 other clients (a, b, c, d and 2 more)");
}

TEST(Settings, WhatIsNoKeyIsRefused) {
  H h;
  for (const std::string& key : {std::string(), std::string("a\nb"), std::string(65, 'a')}) {
    const auto end = h.Read(h.Join(JoinWith("eve", {{key, 1}}))).end;
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(*end), HasSubstr("[a-z._]"));
  }
  Settings many;
  for (char c = 'a'; c <= 'z'; ++c) many[std::string(1, c)] = many[std::string(2, c)] = 1;
  EXPECT_THAT(Message(*h.Read(h.Join(JoinWith("eve", many))).end), HasSubstr("52 settings, expected at most 32"));
}

}  // namespace
}  // namespace signvote
