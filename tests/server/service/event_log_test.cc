#include "server/service/event_log.h"

#include <gmock/gmock.h>

#include <thread>

namespace signvote {
namespace {

using testing::ElementsAre;

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

std::vector<std::string> Clients(const std::vector<v1::Event>& events) {
  std::vector<std::string> clients;
  for (const v1::Event& event : events) clients.push_back(event.client());
  return clients;
}

TEST(EventLog, TellsWhatCameAfterAnEvent) {
  EventLog log(kStart);
  log.Add(kStart, v1::JOINED, "a", 0, "voter");
  log.Add(kStart + absl::Milliseconds(1500), v1::JOINED, "b", 3, "");
  const std::vector<v1::Event> all = log.After(0);
  ASSERT_THAT(Clients(all), ElementsAre("a", "b"));
  EXPECT_EQ(all[0].detail(), "voter");
  EXPECT_EQ(all[1].round(), 3u);
  EXPECT_DOUBLE_EQ(all[1].unix_seconds(), 1'000'001.5);
  EXPECT_THAT(Clients(log.After(all[0].id())), ElementsAre("b"));
  EXPECT_TRUE(log.After(all[1].id()).empty());
}

TEST(EventLog, IdsGoOnAscendingInALaterProcess) {
  EventLog first(kStart), second(kStart + absl::Seconds(1));
  first.Add(kStart, v1::JOINED, "a", 0, "");
  second.Add(kStart, v1::JOINED, "a", 0, "");
  EXPECT_GT(second.After(0)[0].id(), first.After(0)[0].id());
}

TEST(EventLog, KeepsTheNewest) {
  EventLog log(kStart);
  for (size_t i = 0; i < EventLog::kEvents + 5; ++i) log.Add(kStart, v1::JOINED, std::to_string(i), 0, "");
  const std::vector<v1::Event> kept = log.After(0);
  ASSERT_EQ(kept.size(), EventLog::kEvents);
  EXPECT_EQ(kept.front().client(), "5");
}

TEST(EventLog, AClientCannotPushOthersOut) {
  EventLog log(kStart);
  log.Add(kStart, v1::JOINED, "honest", 1, "");
  for (int i = 0; i < 2000; ++i) {
    for (const auto kind : {v1::STALE_BALLOT, v1::LATE_BALLOT, v1::REFUSED_BALLOT, v1::DISAGREED}) {
      EXPECT_EQ(log.Add(kStart, kind, "bad", 1, ""), i == 0);
    }
  }
  EXPECT_TRUE(log.Add(kStart, v1::STALE_BALLOT, "bad", 2, ""));
  EXPECT_THAT(Clients(log.After(0)), ElementsAre("honest", "bad", "bad", "bad", "bad", "bad"));
}

TEST(EventLog, AClientThatComesAndGoesCannotPushOthersOut) {
  EventLog log(kStart);
  log.Add(kStart, v1::JOINED, "honest", 1, "voter");
  absl::Time now = kStart;
  uint64_t heard = 0;
  for (int i = 0; i < 1500; ++i) {
    log.Add(now, v1::JOINED, "bad", 1, "voter");
    log.Add(now += absl::Milliseconds(100), v1::LEFT_SESSION, "bad", 1, "");
    const v1::Event left = log.After(heard).back();
    ASSERT_EQ(left.kind(), v1::LEFT_SESSION) << "who follows hears of it";
    ASSERT_EQ(left.replaces(), heard) << "and of which event is told no longer";
    heard = left.id();
  }
  std::vector<v1::Event> kept = log.After(0);
  ASSERT_THAT(Clients(kept), ElementsAre("honest", "bad", "bad"));
  EXPECT_EQ(kept[0].detail(), "voter");
  EXPECT_EQ(kept[1].detail(), "voter; 1500 times in a row");
  EXPECT_EQ(kept[2].detail(), "1500 times in a row");

  log.Add(now + absl::Seconds(61), v1::LEFT_SESSION, "bad", 1, "");
  kept = log.After(0);
  ASSERT_EQ(kept.size(), 4u) << "a minute later it is another row";
  EXPECT_EQ(kept[3].detail(), "");
}

TEST(EventLog, ARowWhoseEventWasPushedOutTakesNobodyElsesPlace) {
  EventLog log(kStart);
  log.Add(kStart, v1::JOINED, "a", 0, "");
  for (size_t i = 0; i < EventLog::kEvents; ++i) log.Add(kStart, v1::SUSPECTED, std::to_string(i), 0, "");
  log.Add(kStart, v1::JOINED, "a", 0, "");
  const std::vector<v1::Event> kept = log.After(0);
  ASSERT_EQ(kept.size(), EventLog::kEvents);
  EXPECT_EQ(kept.front().client(), "1");
  EXPECT_EQ(kept.back().detail(), "2 times in a row");
}

TEST(EventLog, WakesWhoWaits) {
  EventLog log(kStart);
  std::vector<v1::Event> heard;
  std::thread waiter([&] { heard = log.WaitAfter(0, absl::Seconds(60)); });
  log.Add(kStart, v1::JOINED, "a", 0, "");
  waiter.join();
  EXPECT_THAT(Clients(heard), ElementsAre("a"));
}

}  // namespace
}  // namespace signvote
