#include "client/options.h"

#include <algorithm>

#include <absl/strings/ascii.h>
#include <absl/strings/escaping.h>

#include "client/objectives.h"
#include "common/config.h"
#include "common/files.h"

namespace signvote {
namespace {

constexpr uint64_t kLongestName = 64;
constexpr double kLargestBatch = 1 << 24;

bool IsName(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kLongestName && std::all_of(name.begin(), name.end(), allowed);
}

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= '0' && c <= '9'; });
}

// HOST:PORT, without looking the host up, or unix:PATH.
bool IsAddress(const std::string& address) {
  constexpr std::string_view kSocket = "unix:";
  if (address.starts_with(kSocket)) return address.size() > kSocket.size();
  const size_t colon = address.rfind(':');
  return colon != std::string::npos && colon > 0 && IsNumber(std::string_view(address).substr(colon + 1));
}

void ReadDevice(ConfigReader* reader, std::string* device) {
  constexpr std::string_view kNumbered = "cuda:";
  reader->Read("device", device);
  if (*device == "cpu" || *device == "cuda") return;
  if (device->starts_with(kNumbered) && IsNumber(std::string_view(*device).substr(kNumbered.size()))) return;
  reader->Fail("device", fmt::format("is \"{}\", expected cpu, cuda, or cuda:N for a GPU's number from 0", *device));
}

void ReadServers(ConfigReader* reader, std::vector<std::string>* servers) {
  const char* key = reader->Has("shards") ? "shards" : "server";
  if (reader->Has("shards")) {
    reader->Read("shards", servers);
    if (servers->empty()) reader->Fail("shards", "is empty, expected the HOST:PORT of every shard");
    if (reader->Has("server")) reader->Fail("shards", "is there beside `server`: name the servers in one of them");
  } else {
    reader->Require("server", &servers->emplace_back());
    if (!reader->Has("server")) return;
  }
  for (auto it = servers->begin(); it != servers->end(); ++it) {
    if (!IsAddress(*it)) reader->Fail(key, fmt::format("is \"{}\", expected HOST:PORT or unix:PATH", *it));
    if (std::find(servers->begin(), it, *it) != it) reader->Fail(key, fmt::format("names {} twice", *it));
  }
}

void ReadData(ConfigReader* reader, ClientOptions::Data* data) {
  data->source = ReadDataSource(reader);
  reader->Read("data.partition", &data->partition.kind);
  reader->Read("data.index", &data->partition.index, AtLeast(0));
  reader->Read("data.count", &data->partition.count, AtLeast(1));
  reader->Read("data.crop", &data->augmentation.crop, Between(0, 64));
  reader->Read("data.flip", &data->augmentation.flip);
  const absl::Status kind = ValidatePartitionKind(data->partition.kind);
  if (!kind.ok()) reader->Fail("data.partition", Message(kind));
  if (data->partition.index >= data->partition.count) {
    reader->Fail("data.index", fmt::format("is {}, expected less than data.count ({})", data->partition.index,
                                           data->partition.count));
  }
  const bool is_shared_out = reader->Has("data.index") || data->partition.count > 1;
  if (is_shared_out && !reader->Has("data.partition")) {
    reader->Fail("data.partition",
                 fmt::format("is missing beside {}: say how the samples are shared out (iid, labels:K, ...), or all, "
                             "where every client is to hold all of them",
                             reader->Has("data.index") ? "data.index" : "data.count"));
  }
}

void ReadSession(ConfigReader* reader, const std::string& role_argument, SessionOptions* session) {
  reader->Require("name", &session->name);
  if (reader->Has("name") && !IsName(session->name)) {
    reader->Fail("name", fmt::format("is \"{}\", expected 1 to {} of A-Z a-z 0-9 . _ -", session->name, kLongestName));
  }
  std::string role = "voter";
  reader->ReadChoice("role", &role, {"voter", "observer"});
  if (!role_argument.empty()) role = role_argument;
  session->role = role == "observer" ? v1::OBSERVER : v1::VOTER;
  reader->Read("batch", &session->batch, Between(1, kLargestBatch));
  reader->Read("fraction", &session->fraction, AtLeast(0));
  std::string pin;
  reader->Read("model_sha256", &pin);
  session->model_sha256 = absl::HexStringToBytes(pin);
  if (!pin.empty() && (pin.size() != 64 || Hex(session->model_sha256) != absl::AsciiStrToLower(pin))) {
    reader->Fail("model_sha256",
                 fmt::format("is \"{}\", expected the 64 hexadecimal digits of sha256sum model.pt", pin));
  }
  reader->Read("evaluate.every", &session->evaluate_every, AtLeast(0));
}

void ReadObjective(ConfigReader* reader, std::string* loss, std::vector<std::string>* metrics) {
  std::vector<std::string> losses = NamesOf(kLosses);
  losses.emplace_back(kOwnLoss);
  reader->ReadChoice("loss", loss, losses);
  reader->Read("evaluate.metrics", metrics);
  for (const std::string& name : *metrics) {
    const Metric* const metric = FindEntry(kMetrics, name);
    if (metric == nullptr) {
      reader->Fail("evaluate.metrics",
                   fmt::format("names \"{}\", expected some of: {}", name, fmt::join(NamesOf(kMetrics), ", ")));
    } else if (!loss->empty() && !metric->Fits(*loss)) {
      reader->Fail("evaluate.metrics", fmt::format("names {}, which is not for loss {}, expected some of: {}", name,
                                                   *loss, fmt::join(MetricsFor(*loss), ", ")));
    }
  }
}

void ReadSimulation(ConfigReader* reader, Simulation* simulation) {
  reader->ReadChoice("simulate.attack", &simulation->attack,
                     {"none", "flip", "flip-half", "flip-last", "random", "same", "alike"});
  reader->Read("simulate.batch", &simulation->batch, Between(1, kLargestBatch));
  reader->Read("simulate.late", &simulation->late, Between(0, 100));
  reader->Read("simulate.from_round", &simulation->from_round, AtLeast(1));
}

}  // namespace

absl::StatusOr<ClientOptions> LoadClientOptions(const std::string& path, const std::vector<std::string>& overrides,
                                                const std::string& role) {
  ASSIGN_OR_RETURN(const Config config, Config::Load(path, overrides));
  ConfigReader reader(config);
  ClientOptions options;
  options.session.batch = 64;
  options.session.evaluate_every = 10;
  ReadServers(&reader, &options.servers);
  ReadTransport(&reader, &options.transport);
  ReadSession(&reader, role, &options.session);
  reader.Read("micro_batch", &options.module.micro_batch, AtLeast(1));
  ReadDevice(&reader, &options.module.device);
  ReadObjective(&reader, &options.module.loss, &options.metrics);
  reader.Read("evaluate.export", &options.export_directory);
  reader.Read("evaluate.calibration", &options.calibration, AtLeast(2));
  reader.Read("threads", &options.threads, Between(1, 1024));
  reader.Read("seed", &options.seed, {[](double seed) { return seed < 0x1p56; }, "below 2^56"});
  ReadData(&reader, &options.data);
  options.data.partition.seed = options.seed;
  ReadSimulation(&reader, &options.simulation);
  reader.Read("connect.give_up", &options.give_up);
  reader.ReadChoice("log", &options.log, {"trace", "debug", "info", "warn", "error"});
  RETURN_IF_ERROR(reader.Finish());
  return options;
}

}  // namespace signvote
