#include "server/http/http_server.h"

#include <httplib.h>

#include <atomic>
#include <thread>
#include <utility>

#include "common/json.h"
#include "common/status.h"
#include "server/http/assets.h"
#include "server/http/live.h"
#include "server/http/metrics.h"
#include "server/http/series.h"

namespace signvote {
namespace {

// A watcher holds a thread as long as its page is open; requests always find one.
constexpr size_t kThreads = 32;
constexpr int kWatchers = 24;
constexpr const char* kJson = "application/json";
constexpr const char* kPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

const char* TypeOf(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/javascript; charset=utf-8";
}

uint64_t Number(const httplib::Request& request, const char* name) {
  return std::strtoull(request.get_param_value(name).c_str(), nullptr, 10);
}

class HttpServerImpl final : public HttpServer {
 public:
  explicit HttpServerImpl(Sources sources) : live_(std::move(sources)) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    // Not SO_REUSEPORT, which is httplib's default: two servers on one port would share its requests by chance.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_keep_alive_timeout(2);
    server_.set_read_timeout(5);
    server_.set_write_timeout(5);
    server_.set_payload_max_length(1024);
    server_.set_default_headers({{"Content-Security-Policy", kPolicy},
                                 {"X-Content-Type-Options", "nosniff"},
                                 {"Referrer-Policy", "no-referrer"},
                                 {"Cache-Control", "no-cache"}});
    AddPage();
    AddReports();
    AddStream();
  }

  ~HttpServerImpl() override {
    live_.End();
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const std::string& address) {
    const size_t colon = address.rfind(':');
    std::string host = address.substr(0, colon);
    const int port = std::atoi(address.c_str() + colon + 1);
    const std::string shown = host;
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    const int bound = port == 0 ? server_.bind_to_any_port(host) : server_.bind_to_port(host, port) ? port : -1;
    if (bound <= 0) {
      return Error(absl::StatusCode::kUnavailable, "http.listen: cannot listen on {}: is another process using it?",
                   address);
    }
    address_ = fmt::format("{}:{}", shown, bound);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();  // before that, stop() would have no effect
    return absl::OkStatus();
  }

  const std::string& address() const override { return address_; }

 private:
  void AddPage() {
    for (const Asset& asset : Assets()) {
      auto serve = [asset](const httplib::Request&, httplib::Response& response) {
        response.set_content(asset.bytes.data(), asset.bytes.size(), TypeOf(asset.path));
      };
      server_.Get(std::string(asset.path), serve);
      if (asset.path == "/index.html") server_.Get("/", serve);
    }
  }

  void AddReports() {
    auto json = [this](const char* path, std::string Report::*part) {
      server_.Get(path, [this, part](const httplib::Request&, httplib::Response& response) {
        response.set_content((*live_.Now()).*part, kJson);
      });
    };
    json("/api/status", &Report::status_json);
    json("/api/clients", &Report::clients_json);
    json("/api/reliability", &Report::reliability_json);
    server_.Get("/api/clients/([A-Za-z0-9._-]{1,64})",
                [this](const httplib::Request& request, httplib::Response& response) {
                  const absl::StatusOr<std::string> detail = live_.ClientNow(request.matches[1]);
                  if (!detail.ok()) {
                    response.status = 404;
                    response.set_content(TextOf(Json{{"error", Message(detail.status())}}), kJson);
                    return;
                  }
                  response.set_content(*detail, kJson);
                });
    server_.Get("/api/rounds", [this](const httplib::Request& request, httplib::Response& response) {
      const auto rounds = live_.sources().rounds(Number(request, "after"));
      response.set_content(TextOf(SeriesOf(rounds, Live::kPoints)), kJson);
    });
    server_.Get("/api/events", [this](const httplib::Request& request, httplib::Response& response) {
      Json list = Json::array();
      for (const v1::Event& event : live_.sources().events(Number(request, "after"))) list.push_back(ToJson(event));
      response.set_content(TextOf(list), kJson);
    });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      const auto report = live_.Now();
      response.set_content(RenderMetrics(report->status, report->clients, report->reliability),
                           "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
      const v1::RunStatus status = live_.sources().status();
      const bool is_well = status.phase() != v1::STALLED;
      response.status = is_well ? 200 : 503;
      response.set_content(
          TextOf(Json{{"ok", is_well}, {"phase", v1::Phase_Name(status.phase())}, {"problem", status.problem()}}),
          kJson);
    });
  }

  void AddStream() {
    server_.Get("/api/stream", [this](const httplib::Request&, httplib::Response& response) {
      if (++watchers_ > kWatchers) {
        --watchers_;
        response.status = 503;
        response.set_header("Retry-After", "10");
        response.set_content(TextOf(Json{{"error", fmt::format("{} pages watch already", kWatchers)}}), kJson);
        return;
      }
      auto watcher = std::make_shared<Watcher>(&live_);
      auto is_first = std::make_shared<bool>(true);
      response.set_chunked_content_provider(
          "text/event-stream",
          [this, watcher, is_first](size_t, httplib::DataSink& sink) {
            if (!std::exchange(*is_first, false) && !live_.Pause()) {
              sink.done();
              return true;
            }
            std::string frames = watcher->Next();
            if (frames.empty()) frames = ": nothing new\n\n";  // finds out who is gone
            return sink.write(frames.data(), frames.size());
          },
          [this](bool) { --watchers_; });
    });
  }

  Live live_;
  std::atomic<int> watchers_{0};
  httplib::Server server_;
  std::string address_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, Sources sources) {
  auto server = std::make_unique<HttpServerImpl>(std::move(sources));
  RETURN_IF_ERROR(server->Listen(address));
  return server;
}

}  // namespace signvote
