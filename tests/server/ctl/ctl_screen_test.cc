#include "server/ctl/screen.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "server/ctl/format.h"

namespace signvote::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;

Scene Example(int clients, int events) {
  Scene scene;
  scene.servers = {"127.0.0.1:7401"};
  v1::RunStatus& status = scene.shards.emplace_back();
  status.set_round(7);
  status.set_rounds_total(20);
  status.set_phase(v1::COLLECTING);
  for (int i = 0; i < clients; ++i) {
    v1::ClientSummary& client = *scene.clients.add_clients();
    client.set_name("client-" + std::to_string(i));
    client.set_role(v1::VOTER);
    client.set_connected(true);
  }
  for (int i = 0; i < events; ++i) {
    v1::Event& event = scene.events.emplace_back();
    event.set_kind(v1::JOINED);
    event.set_client("client-" + std::to_string(i));
  }
  return scene;
}

std::vector<ScreenLine> Render(const Scene& scene, size_t rows, size_t columns) {
  return RenderScreen(scene, {rows, columns}, absl::UnixEpoch(), absl::UTCTimeZone());
}

std::string Text(const std::vector<ScreenLine>& lines) {
  std::string text;
  for (const ScreenLine& line : lines) text += line.text + "\n";
  return text;
}

TEST(Screen, NeverTakesMoreRowsAndColumnsThanThereAre) {
  Scene scene = Example(30, 30);
  scene.clients.mutable_clients(3)->set_explanation(std::string(300, 'x'));
  for (size_t rows = 1; rows < 60; ++rows) {
    for (const size_t columns : {1u, 20u, 80u, 200u}) {
      const auto lines = Render(scene, rows, columns);
      EXPECT_LE(lines.size(), rows);
      for (const ScreenLine& line : lines) EXPECT_LE(Columns(line.text), columns);
    }
  }
}

TEST(Screen, ShowsRunClientsAndTheLastEvents) {
  const std::string text = Text(Render(Example(3, 5), 24, 100));
  EXPECT_THAT(text, HasSubstr("127.0.0.1:7401"));
  EXPECT_THAT(text, HasSubstr("7/20"));
  for (const char* name : {"client-0 ", "client-2 ", "joined  client-4\n", "joined  client-0\n", "q quits"}) {
    EXPECT_THAT(text, HasSubstr(name));
  }
}

TEST(Screen, ManyClientsLeaveRoomForTheLastEventsAndScroll) {
  Scene scene = Example(100, 50);
  const std::string top = Text(Render(scene, 24, 100));
  EXPECT_THAT(top, HasSubstr("client-0 "));
  EXPECT_THAT(top, HasSubstr("joined  client-49\n"));
  EXPECT_THAT(top, HasSubstr("clients 1 to 11 of 100"));
  scene.scroll = 1000;
  const std::string end = Text(Render(scene, 24, 100));
  EXPECT_THAT(end, HasSubstr("client-99 "));
  EXPECT_THAT(end, Not(HasSubstr("client-0 ")));
}

TEST(Screen, SuspectsAreExplainedAndMarked) {
  Scene scene = Example(3, 0);
  v1::ClientSummary& client = *scene.clients.mutable_clients(1);
  client.set_suspicion(v1::VOTES_AGAINST);
  client.set_explanation("client-1 votes against the others");
  const auto lines = Render(scene, 24, 120);
  const auto explained = std::find_if(lines.begin(), lines.end(), [](const ScreenLine& line) {
    return line.text == "client-1 votes against the others";
  });
  ASSERT_NE(explained, lines.end());
  EXPECT_EQ(explained->style, Style::kWarning);
  const auto row = std::find_if(lines.begin(), lines.end(),
                                [](const ScreenLine& line) { return line.text.ends_with("votes against"); });
  ASSERT_NE(row, lines.end());
  EXPECT_EQ(row->style, Style::kWarning);
}

TEST(Screen, AServerThatIsGoneIsSaidSo) {
  Scene scene;
  scene.servers = {"a:1"};
  scene.problem = "no answer from a:1";
  EXPECT_THAT(Text(Render(scene, 24, 80)), HasSubstr("no answer from a:1"));
}

TEST(Screen, WhatAServerSaysCannotSpeakToTheTerminal) {
  Scene scene = Example(0, 1);
  scene.events[0].set_detail("\x1b[2J\x07");
  EXPECT_THAT(Text(Render(scene, 24, 80)), Not(HasSubstr("\x1b")));
}

TEST(Screen, EachOfSeveralShardsHasALine) {
  Scene scene = Example(0, 0);
  scene.servers = {"a:1", "b:2"};
  scene.shards.push_back(scene.shards[0]);
  scene.shards[1].set_round(6);
  const std::string text = Text(Render(scene, 24, 120));
  EXPECT_THAT(text, HasSubstr("6/20"));
  EXPECT_THAT(text, HasSubstr("\nb:2 "));
}

}  // namespace
}  // namespace signvote::ctl
