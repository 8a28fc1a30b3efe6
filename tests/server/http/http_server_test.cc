// The endpoint over real HTTP on loopback, with sources that the test owns.
#include "server/http/http_server.h"

#include <absl/time/clock.h>
#include <gmock/gmock.h>
#include <httplib.h>

#include <atomic>

#include "common/json.h"

namespace signvote {
namespace {

using testing::HasSubstr;

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override {
    Sources sources;
    sources.status = [this] {
      v1::RunStatus status;
      status.set_round(42);
      status.set_phase(phase_);
      status.set_problem(problem_);
      return status;
    };
    sources.clients = [] {
      v1::ListClientsResponse clients;
      clients.add_clients()->set_name("a");
      return clients;
    };
    sources.client = [this](const std::string& name) -> absl::StatusOr<v1::ClientDetail> {
      if (name != "a") return absl::NotFoundError("no client named " + name);
      ++details_;
      v1::ClientDetail detail;
      detail.set_round(42);
      return detail;
    };
    sources.reliability = [] { return v1::ReliabilityReport(); };
    sources.rounds = [](uint64_t after) {
      std::vector<v1::RoundSummary> rounds(after == 0 ? 2 : 1);
      for (size_t i = 0; i < rounds.size(); ++i) rounds[i].set_round(after + i + 1);
      return rounds;
    };
    sources.events = [](uint64_t) { return std::vector<v1::Event>(1); };
    auto server = HttpServer::Start("127.0.0.1:0", sources);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    client_ = std::make_unique<httplib::Client>("http://" + server_->address());
  }

  Json Get(const std::string& path, int status = 200) {
    const httplib::Result result = client_->Get(path);
    EXPECT_TRUE(result) << path;
    if (!result) return {};
    EXPECT_EQ(result->status, status) << path;
    return Json::parse(result->body);
  }

  v1::Phase phase_ = v1::COLLECTING;
  std::string problem_;
  std::atomic<int> details_ = 0;  // how many were made
  std::unique_ptr<HttpServer> server_;
  std::unique_ptr<httplib::Client> client_;
};

TEST_F(HttpServerTest, ServesThePageWithAllThatItLoads) {
  const auto page = client_->Get("/");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->body, HasSubstr("<!doctype html>"));
  EXPECT_EQ(page->body.find("http://"), std::string::npos) << "nothing comes from elsewhere";
  EXPECT_EQ(page->body.find("https://"), std::string::npos);
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"), HasSubstr("default-src 'self'"));
  for (const char* path : {"/style.css", "/dashboard.js", "/heatmap.js", "/chart.min.js"}) {
    EXPECT_THAT(page->body, HasSubstr(path + 1));
    const auto asset = client_->Get(path);
    ASSERT_TRUE(asset);
    EXPECT_EQ(asset->status, 200) << path;
    EXPECT_GT(asset->body.size(), 100u) << path;
  }
}

TEST_F(HttpServerTest, AnswersQuestionsAsJson) {
  EXPECT_EQ(Get("/api/status")["round"], 42);
  EXPECT_EQ(Get("/api/clients")["clients"][0]["name"], "a");
  EXPECT_EQ(Get("/api/clients/a")["round"], 42);
  EXPECT_EQ(Get("/api/clients/nobody", 404)["error"], "no client named nobody");
  EXPECT_TRUE(Get("/api/reliability")["voters"].empty());
  EXPECT_EQ(Get("/api/rounds")["rounds"].size(), 2u);
  EXPECT_EQ(Get("/api/rounds?after=5")["rounds"][0][0], 6);
  EXPECT_EQ(Get("/api/events").size(), 1u);
  EXPECT_EQ(client_->Get("/api/none")->status, 404);
  EXPECT_EQ(client_->Post("/api/status", "", "text/plain")->status, 404) << "it only reads";
}

TEST_F(HttpServerTest, LooksAtAClientOnceASecondHoweverManyAsk) {
  const absl::Time start = absl::Now();
  constexpr int kRequests = 200;
  for (int i = 0; i < kRequests; ++i) EXPECT_EQ(Get("/api/clients/a")["round"], 42);
  EXPECT_LE(details_, 1 + absl::ToInt64Seconds(absl::Now() - start));
}

TEST_F(HttpServerTest, IsUnwellWhileTheJournalCannotBeWritten) {
  EXPECT_EQ(Get("/healthz")["ok"], true);
  phase_ = v1::STALLED;
  EXPECT_EQ(Get("/healthz", 503)["phase"], "STALLED");
}

TEST_F(HttpServerTest, StreamsEverythingOnceAndEndsWhenItIsDestroyed) {
  std::string heard;
  client_->Get("/api/stream", [&](const char* data, size_t size) {
    heard.append(data, size);
    if (heard.find("event: events") != std::string::npos) server_.reset();
    return true;
  });
  EXPECT_THAT(heard, HasSubstr("event: status\ndata: {"));
  EXPECT_THAT(heard, HasSubstr("event: clients\ndata: {"));
  EXPECT_THAT(heard, HasSubstr("event: reliability\ndata: {"));
  EXPECT_THAT(heard, HasSubstr("\"reset\":true}\n\n"));
}

TEST_F(HttpServerTest, AnswersAndStreamsOnWhateverAStringHolds) {
  problem_ = "Zo\xEB";  // Latin-1
  EXPECT_EQ(Get("/api/status")["problem"], "Zo\uFFFD");
  EXPECT_EQ(Get("/healthz")["problem"], "Zo\uFFFD");
  std::string heard;
  client_->Get("/api/stream", [&](const char* data, size_t size) {
    heard.append(data, size);
    return heard.find("event: events") == std::string::npos;
  });
  EXPECT_THAT(heard, HasSubstr("\"problem\":\"Zo\uFFFD\""));
}

TEST_F(HttpServerTest, SaysWhereItCannotListen) {
  const auto second = HttpServer::Start(server_->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("http.listen: cannot listen on " + server_->address()));
}

}  // namespace
}  // namespace signvote
