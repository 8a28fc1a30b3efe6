#include "server/service/server.h"

#include <absl/time/clock.h>
#include <grpcpp/grpcpp.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "common/address.h"
#include "common/bundle.h"
#include "common/files.h"
#include "common/fingerprint.h"
#include "common/mutex.h"
#include "common/real_text.h"
#include "common/status.h"
#include "common/thread_pool.h"
#include "server/http/http_server.h"
#include "server/service/access.h"
#include "server/service/admin_service.h"
#include "server/service/endpoint.h"
#include "server/service/federation.h"
#include "server/service/federation_service.h"
#include "server/service/run_log.h"
#include "server/service/tensorboard.h"
#include "server/service/terms.h"
#include "server/store/checkpoint.h"
#include "server/store/round_config.h"
#include "server/store/run_directory.h"

namespace signvote {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);
constexpr absl::Duration kEverySecond = absl::Seconds(1);
constexpr absl::Duration kLookForSuspects = absl::Seconds(5);
constexpr absl::Duration kDrain = absl::Seconds(5);  // for the ballots that an open round still waits for
constexpr absl::Duration kFarewellGrace = absl::Seconds(5);

absl::StatusOr<BlockRange> RangeOf(const ServerOptions::Shard& shard, uint64_t parameters) {
  const uint64_t blocks = BlockRange::All(parameters).count;
  if (shard.count > blocks) {
    return InvalidArgument(
        "shard.count is {}: the model's {} parameters are {} blocks of {}, and each shard needs at least one: expected "
        "at most {}",
        shard.count, parameters, blocks, kBlockCoordinates, blocks);
  }
  return BlockRange::Shard(parameters, shard.index, shard.count);
}

// Of the values of a whole model.
std::vector<float> ValuesOf(const BlockRange& range, std::vector<float> values) {
  if (range.Coordinates() == values.size()) return values;
  const auto first = values.begin() + static_cast<std::ptrdiff_t>(range.FirstCoordinate());
  return {first, first + static_cast<std::ptrdiff_t>(range.Coordinates())};
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(const ServerOptions& options)
      : options_(options),
        pool_(options.threads > 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency())),
        runner_(1),
        beside_(1) {}

  ~ServerImpl() override { Shutdown(); }

  absl::Status Open();
  absl::Status Run() override;

  void Stop(const std::string& why) override {
    MutexLock lock(mu_);
    if (stop_reason_.empty()) stop_reason_ = why;
    changed_.NotifyAll();
  }

  const std::string& listen_address() const override { return listen_address_; }
  const std::string& admin_address() const override { return admin_address_; }
  const std::string& http_address() const override { return http_address_; }

 private:
  absl::Status Listen();
  absl::Status ListenHttp();
  // Takes up certificates that changed; ends the sessions of those that are revoked or expired.
  void CheckCertificates();
  // Waits for the end of the run or Stop.
  void WaitForEnd();
  // Lets the open round close if it can do so soon. Otherwise its voters keep their ballots and bring them again.
  void Drain();
  void Shutdown();
  ParallelFor Parallel() {
    return [this](size_t count, const std::function<void(size_t)>& body) { pool_.ParallelFor(count, body); };
  }

  const ServerOptions options_;
  ThreadPool pool_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<RunLog> log_;
  std::unique_ptr<TensorBoard> board_;
  std::unique_ptr<Credentials> credentials_;
  std::optional<Access> access_;
  FederationService federation_service_;
  std::unique_ptr<Federation> federation_;
  std::unique_ptr<AdminService> admin_service_;
  std::atomic<bool> is_looking_ = false;  // for suspects, or about to: a checkpoint may come first
  ThreadPool runner_;                     // ends before what its work uses
  ThreadPool beside_;                     // what may take long: checkpoints, looking for suspects
  std::unique_ptr<grpc::Server> federation_server_, admin_server_;
  std::unique_ptr<HttpServer> http_server_;
  std::string listen_address_, admin_address_, http_address_;

  Mutex mu_;
  CondVar changed_;
  std::string stop_reason_ ABSL_GUARDED_BY(mu_);
};

absl::Status ServerImpl::Open() {
  ASSIGN_OR_RETURN(const MemoryPlan plan, PlanRun(options_));
  RETURN_IF_ERROR(CheckMemory(plan, ReadMachineMemory()));
  ASSIGN_OR_RETURN(credentials_, Credentials::Load(options_.transport));
  if (credentials_->IsTls() && options_.transport.tls.revoked.empty()) {
    spdlog::warn("no list of revoked certificates (tls.revoked): nobody can be shut out before a certificate expires");
  }
  ASSIGN_OR_RETURN(ModelBundle bundle, ReadBundle(options_.model));
  ASSIGN_OR_RETURN(const BlockRange range, RangeOf(options_.shard, bundle.parameters.values.size()));
  if (options_.shard.count > 1) {
    spdlog::info("shard {} of {}: blocks {} to {} of {}", options_.shard.index, options_.shard.count, range.first,
                 range.first + range.count - 1, BlockRange::All(range.parameters).count);
  }
  const RunSetup setup{.vote = options_.vote,
                       .range = range,
                       .tensors = bundle.parameters.tensors,
                       .config = Canonical({options_.vote, options_.dither, options_.fraction, options_.seed}),
                       .model_sha256 = bundle.module_sha256,
                       .durability = options_.durability,
                       .keep = options_.checkpoint_keep};
  const std::string terms = TermsOf(options_, FingerprintOf(bundle.parameters.values));
  ASSIGN_OR_RETURN(OpenedRun run, OpenRun(options_.directory, setup,
                                          ValuesOf(range, std::move(bundle.parameters.values)), Parallel()));
  if (!run.report.empty()) spdlog::info("{}", run.report);
  store_ = std::move(run.store);
  log_ = std::make_unique<RunLog>(options_, run.tally.round());
  if (!options_.tensorboard.empty()) {
    ASSIGN_OR_RETURN(board_, TensorBoard::Open(options_.tensorboard, absl::Now()));
  }
  Environment environment;
  environment.store = store_.get();
  environment.parallel = Parallel();
  environment.run = [this](std::function<void()> work) { runner_.Schedule(std::move(work)); };
  environment.run_beside = [this](std::function<void()> work) { beside_.Schedule(std::move(work)); };
  environment.now = absl::Now;
  environment.wake = [this](SessionId id) { federation_service_.Wake(id); };
  environment.on_round = [this](const RoundRow& row) {
    log_->Add(row);
    if (board_) board_->Add(absl::Now(), row);
    MutexLock lock(mu_);
    changed_.NotifyAll();
  };
  environment.on_evaluation = [this](const v1::Evaluation& evaluation) {
    log_->Add(evaluation);
    if (board_) board_->Add(absl::Now(), evaluation);
    spdlog::info("round {}: {}loss {}", evaluation.round(),
                 std::isnan(evaluation.accuracy()) ? "" : fmt::format("accuracy {:.4f}, ", evaluation.accuracy()),
                 RealText(evaluation.loss()));
  };
  federation_ = std::make_unique<Federation>(
      options_, std::move(bundle), run.run,
      Federation::State{std::move(run.tally), std::move(run.registry), run.step_size, std::move(run.recent), terms,
                        log_->NewestEvaluation(), log_->Seconds()},
      std::move(environment));
  access_.emplace(credentials_.get());
  federation_service_.Serve(federation_.get(), &*access_);
  admin_service_ = std::make_unique<AdminService>(
      federation_.get(), &*access_,
      AdminService::Process{
          .stop = [this] { Stop("an administrator stopped the run"); },
          .rounds = [this](uint64_t after) { return log_->RoundsAfter(after); },
          .config = [this](float step_size,
                           const std::string& log) { return EffectiveConfig(options_, step_size, log); },
          .settle =
              [this] {
                std::promise<absl::Status> settled;
                federation_->Settle([&](absl::Status status) { settled.set_value(std::move(status)); });
                return settled.get_future().get();
              }});
  return Listen();
}

absl::Status ServerImpl::Listen() {
  ASSIGN_OR_RETURN(Endpoint federation, signvote::Listen({"listen", options_.listen, options_.reflection},
                                                         &federation_service_, credentials_.get()));
  federation_server_ = std::move(federation.server);
  listen_address_ = federation.address;
  ASSIGN_OR_RETURN(Endpoint admin, signvote::Listen({"admin.listen", options_.admin_listen, options_.reflection},
                                                    admin_service_.get(), credentials_.get()));
  admin_server_ = std::move(admin.server);
  admin_address_ = admin.address;
  RETURN_IF_ERROR(ListenHttp());
  const nlohmann::json addresses = {{"listen", listen_address_}, {"admin", admin_address_}, {"http", http_address_}};
  spdlog::info("listening on {}, administration on {}", listen_address_, admin_address_);
  return WriteFileAtomically(options_.directory + "/addresses.json", addresses.dump() + "\n");
}

absl::Status ServerImpl::ListenHttp() {
  if (options_.http_listen.empty()) return absl::OkStatus();
  if (!IsLoopback(options_.http_listen) && !options_.http_insecure) {
    return InvalidArgument(
        "http.listen: {} is not a loopback address, and whoever reaches it could read the dashboard: listen on "
        "127.0.0.1, or "
        "say http.insecure: true if that is meant",
        options_.http_listen);
  }
  Sources sources;
  sources.status = [this] { return federation_->Status(); };
  sources.clients = [this] { return federation_->Clients(); };
  sources.client = [this](const std::string& name) { return federation_->Detail(name); };
  sources.reliability = [this] { return federation_->Reliability(); };
  sources.rounds = [this](uint64_t after) { return log_->RoundsAfter(after); };
  sources.events = [this](uint64_t after) { return federation_->events().After(after); };
  absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(options_.http_listen, sources);
  // A second server on this machine that was told nothing about its dashboard.
  if (!server.ok() && options_.http_listen == ServerOptions::kHttpListen)
    server = HttpServer::Start("127.0.0.1:0", sources);
  RETURN_IF_ERROR(server.status());
  http_server_ = *std::move(server);
  http_address_ = http_server_->address();
  spdlog::info("dashboard at http://{}/", http_address_);
  return absl::OkStatus();
}

void ServerImpl::CheckCertificates() {
  if (!credentials_->IsTls()) return;
  credentials_->Refresh();
  const absl::Time now = absl::Now();
  federation_->CheckCallers([&](const Identity& caller) { return credentials_->Check(caller, now); });
}

void ServerImpl::WaitForEnd() {
  absl::Time tended = absl::Now(), looked = tended;
  while (true) {
    federation_->Tick();
    if (absl::Now() - tended > kEverySecond) {
      log_->FlushIfDue();
      CheckCertificates();
      tended = absl::Now();
    }
    if (absl::Now() - looked > kLookForSuspects && !is_looking_.exchange(true)) {
      beside_.Schedule([this] {
        federation_->LookForSuspects();
        is_looking_ = false;
      });
      looked = absl::Now();
    }
    if (federation_->IsFinished()) return;
    MutexLock lock(mu_);
    if (!stop_reason_.empty()) return;
    changed_.WaitFor(mu_, kTick);
  }
}

void ServerImpl::Drain() {
  federation_->Drain();
  const absl::Time deadline = absl::Now() + kDrain;
  while (!federation_->IsDrained() && absl::Now() < deadline) {
    federation_->Tick();
    absl::SleepFor(absl::Milliseconds(5));
  }
  federation_->Rest();
}

absl::Status ServerImpl::Run() {
  WaitForEnd();
  std::string why;
  {
    MutexLock lock(mu_);
    why = stop_reason_;
  }
  const bool finished = federation_->Status().phase() == v1::FINISHED_RUN;
  spdlog::info("{}", finished ? "the run is finished" : why);
  if (!finished) Drain();
  // Before the farewell, while everyone is still connected and known.
  std::promise<absl::StatusOr<v1::CheckpointResponse>> written;
  federation_->Checkpoint([&](absl::StatusOr<v1::CheckpointResponse> result) { written.set_value(std::move(result)); });
  absl::Status status = written.get_future().get().status();
  log_->Flush();
  const v1::RunStatus last = federation_->Status();
  // A process that closed no round of a finished run knows less than the one that did.
  if (last.rounds_closed() > 0 || !std::filesystem::exists(options_.directory + "/summary.json")) {
    status.Update(log_->WriteSummary(last, federation_->Clients()));
  }
  federation_->Stop(finished ? v1::Farewell::FINISHED : v1::Farewell::STOPPING,
                    finished ? "the last round is closed" : why);
  const absl::Time deadline = absl::Now() + kFarewellGrace;
  while (federation_->HasSessions() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(20));
  Shutdown();
  return status;
}

void ServerImpl::Shutdown() {
  http_server_.reset();
  if (admin_service_) admin_service_->EndWatches();
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(1);
  if (federation_server_) federation_server_->Shutdown(deadline);
  if (admin_server_) admin_server_->Shutdown(deadline);
  if (federation_server_) federation_server_->Wait();
  if (admin_server_) admin_server_->Wait();
  federation_server_.reset();
  admin_server_.reset();
}

}  // namespace

absl::StatusOr<MemoryPlan> PlanRun(const ServerOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<TensorShape> tensors, ReadBundleShapes(options.model));
  ASSIGN_OR_RETURN(const BlockRange range, RangeOf(options.shard, Coordinates(tensors)));
  return PlanMemory(options, range, TensorsOf(tensors, range));
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  auto server = std::make_unique<ServerImpl>(options);
  RETURN_IF_ERROR(server->Open());
  return server;
}

}  // namespace signvote
