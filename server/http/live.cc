#include "server/http/live.h"

#include <absl/time/clock.h>

#include <algorithm>

#include "common/json.h"
#include "common/status.h"
#include "server/http/series.h"

namespace signvote {
namespace {

std::string Frame(const char* event, const std::string& data) {
  return std::string("event: ") + event + "\ndata: " + data + "\n\n";
}

// A frame when `now` is not what was told before.
std::string FrameOfNews(const char* event, const std::string& now, std::string* told) {
  if (now == *told) return "";
  *told = now;
  return Frame(event, now);
}

// What was learnt changes with rounds, and with who is suspected or evicted, which happens between rounds too.
bool HasNothingNew(const Report& before, const Report& now) {
  const auto is_same = [](const v1::ClientSummary& a, const v1::ClientSummary& b) {
    return a.name() == b.name() && a.evicted() == b.evicted() && a.suspicion() == b.suspicion() &&
           a.explanation() == b.explanation();
  };
  const auto &then = before.clients.clients(), &here = now.clients.clients();
  return before.reliability.round() == now.status.round() &&
         std::equal(then.begin(), then.end(), here.begin(), here.end(), is_same);
}

}  // namespace

std::shared_ptr<const Report> Live::Now(absl::Time now) {
  MutexLock lock(mu_);
  if (report_ && now - report_->taken < kInterval) return report_;
  auto report = std::make_shared<Report>();
  report->taken = now;
  report->status = sources_.status();
  report->clients = sources_.clients();
  if (report_ && HasNothingNew(*report_, *report)) {
    report->reliability = report_->reliability;
    report->reliability_json = report_->reliability_json;
  } else {
    report->reliability = sources_.reliability();
    report->reliability_json = TextOf(ToJson(report->reliability));
  }
  report->status_json = TextOf(ToJson(report->status));
  report->clients_json = TextOf(ToJson(report->clients));
  report_ = report;
  return report;
}

absl::StatusOr<std::string> Live::ClientNow(const std::string& name) {
  MutexLock lock(details_mu_);
  const absl::Time now = absl::Now();
  std::erase_if(details_, [now](const auto& entry) { return now - entry.second.taken >= kInterval; });
  if (auto found = details_.find(name); found != details_.end()) return found->second.json;
  ASSIGN_OR_RETURN(const v1::ClientDetail detail, sources_.client(name));
  return details_.emplace(name, Detail{now, TextOf(ToJson(detail))}).first->second.json;
}

bool Live::Pause() {
  const absl::Time deadline = absl::Now() + kInterval;
  MutexLock lock(ending_mu_);
  while (!is_ending_ && absl::Now() < deadline) ended_.WaitUntil(ending_mu_, deadline);
  return !is_ending_;
}

void Live::End() {
  MutexLock lock(ending_mu_);
  is_ending_ = true;
  ended_.NotifyAll();
}

std::string Watcher::Rounds() {
  const std::vector<v1::RoundSummary> rounds = live_->sources().rounds(is_first_ ? 0 : round_);
  if (rounds.empty() && !is_first_) return "";
  Json series = SeriesOf(rounds, Live::kPoints);
  series["reset"] = is_first_;
  if (!rounds.empty()) round_ = rounds.back().round();
  return Frame("rounds", TextOf(series));
}

std::string Watcher::Events() {
  const std::vector<v1::Event> events = live_->sources().events(event_);
  if (events.empty()) return "";
  Json list = Json::array();
  for (const v1::Event& event : events) list.push_back(ToJson(event));
  event_ = events.back().id();
  return Frame("events", TextOf(list));
}

std::string Watcher::Next() {
  const std::shared_ptr<const Report> report = live_->Now();
  std::string frames = FrameOfNews("status", report->status_json, &status_);
  frames += FrameOfNews("clients", report->clients_json, &clients_);
  frames += FrameOfNews("reliability", report->reliability_json, &reliability_);
  frames += Rounds() + Events();
  is_first_ = false;
  return frames;
}

}  // namespace signvote
