#include "server/http/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>
#include <utility>
#include <vector>

#include "common/blocks.h"

namespace signvote {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void Begin(const char* name, MetricType type, const char* help) { families_.push_back({name, help, type, {}}); }
  // What is not measured has no sample.
  void Add(double value, Labels labels = {}) {
    if (std::isnan(value)) return;
    ClientMetric metric;
    metric.label = std::move(labels);
    (families_.back().type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void Gauge(const char* name, const char* help, double value) {
    Begin(name, MetricType::Gauge, help);
    Add(value);
  }
  void Counter(const char* name, const char* help, double value) {
    Begin(name, MetricType::Counter, help);
    Add(value);
  }
  std::string Text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  std::vector<MetricFamily> families_;
};

void AddRun(const v1::RunStatus& status, Families* f) {
  f->Begin("signvote_run_info", MetricType::Gauge, "1; which run this is.");
  f->Add(1, {{"run", status.run()}, {"rule", status.rule()}});
  f->Begin("signvote_phase", MetricType::Gauge, "1 for the phase that the run is in, else 0.");
  for (int phase = v1::WAITING; phase <= v1::STOPPING_RUN; ++phase) {
    std::string name = v1::Phase_Name(static_cast<v1::Phase>(phase));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name.ends_with("_run")) name.resize(name.size() - 4);
    f->Add(status.phase() == phase, {{"phase", name}});
  }
  f->Gauge("signvote_round", "The last closed round.", static_cast<double>(status.round()));
  f->Gauge("signvote_rounds_planned", "Rounds after which the run is finished.",
           static_cast<double>(status.rounds_total()));
  f->Counter("signvote_rounds_closed_total", "Rounds that this process closed.",
             static_cast<double>(status.rounds_closed()));
  f->Begin("signvote_round_seconds_total", MetricType::Counter, "Time that rounds spent, by part.");
  f->Add(status.all_rounds().collect_seconds(), {{"part", "collect"}});
  f->Add(status.all_rounds().decode_seconds(), {{"part", "decode"}});
  f->Add(status.all_rounds().journal_seconds(), {{"part", "journal"}});
  f->Begin("signvote_clients_connected", MetricType::Gauge, "Clients with a live session.");
  f->Add(status.voters(), {{"role", "voter"}});
  f->Add(status.observers(), {{"role", "observer"}});
  f->Gauge("signvote_ballots", "Complete ballots for the open round.", status.ballots());
  f->Gauge("signvote_quorum", "Ballots without which no round closes.", status.quorum());
  f->Gauge("signvote_step_size", "Step of the open round.", status.step());
  f->Gauge("signvote_trust", "Lambda: how far one common signal explains the votes, mean over blocks.", status.trust());
  const bool measured = status.evaluations_size() > 0;
  const v1::Evaluation last = measured ? *status.evaluations().rbegin() : v1::Evaluation();
  const double unknown = std::nan("");
  f->Gauge("signvote_accuracy_ratio", "Of the newest evaluation by an observer.", measured ? last.accuracy() : unknown);
  f->Gauge("signvote_loss", "Of the newest evaluation by an observer.", measured ? last.loss() : unknown);
  f->Gauge("signvote_evaluated_round", "The round of the newest evaluation.",
           measured ? static_cast<double>(last.round()) : unknown);
}

void AddBytes(const v1::RunStatus& status, Families* f) {
  f->Begin("signvote_bytes_total", MetricType::Counter,
           "Serialised messages: ballots, decisions, and what joiners got.");
  f->Add(static_cast<double>(status.bytes_up()), {{"direction", "up"}});
  f->Add(static_cast<double>(status.bytes_down()), {{"direction", "down"}});
  f->Add(static_cast<double>(status.bytes_join()), {{"direction", "join"}});
  const Float32Bytes float32 = Float32BytesOf(status);
  f->Begin("signvote_float32_bytes_total", MetricType::Counter,
           "What the same ballots and decisions would have taken as float32.");
  f->Add(float32.up, {{"direction", "up"}});
  f->Add(float32.down, {{"direction", "down"}});
}

// One family with a sample for each client that `of` measures.
template <typename Of>
void AddEach(const v1::ListClientsResponse& clients, const char* name, MetricType type, const char* help, Of of,
             Families* f) {
  f->Begin(name, type, help);
  for (const v1::ClientSummary& client : clients.clients()) f->Add(of(client), {{"client", client.name()}});
}

void AddClients(const v1::ListClientsResponse& clients, Families* f) {
  using Client = v1::ClientSummary;
  constexpr auto kGauge = MetricType::Gauge;
  constexpr auto kCounter = MetricType::Counter;
  const double unknown = std::nan("");
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  auto voter = [=](const Client& c, double value) {
    return c.role() == v1::VOTER && c.rounds_counted() > 0 ? value : unknown;
  };
  AddEach(
      clients, "signvote_client_connected", kGauge, "1 while the client has a live session.",
      [](const Client& c) { return c.connected(); }, f);
  AddEach(
      clients, "signvote_client_evicted", kGauge, "1 while the client is evicted.",
      [](const Client& c) { return c.evicted(); }, f);
  AddEach(
      clients, "signvote_client_crossover_ratio", kGauge, "Estimated share of coordinates that the voter gets wrong.",
      [=](const Client& c) { return voter(c, c.crossover()); }, f);
  AddEach(
      clients, "signvote_client_weight", kGauge, "Weight in the last round, as log-likelihood ratio.",
      [=](const Client& c) { return voter(c, c.mean_weight()); }, f);
  AddEach(
      clients, "signvote_client_different", kGauge, "1 while agreement puts the voter aside.",
      [=](const Client& c) { return voter(c, c.different()); }, f);
  AddEach(
      clients, "signvote_client_rounds_behind", kGauge, "Closed rounds that the client has not applied.",
      [](const Client& c) { return c.rounds_behind(); }, f);
  AddEach(
      clients, "signvote_client_fingerprint_agrees", kGauge, "0 when the client's parameters are not the server's.",
      [=](const Client& c) { return c.has_fingerprint_agrees() ? c.fingerprint_agrees() : unknown; }, f);
  AddEach(
      clients, "signvote_client_last_seen_timestamp_seconds", kGauge, "When its last message came, in Unix time.",
      [=](const Client& c) { return c.last_seen_seconds() < 0 ? unknown : now - c.last_seen_seconds(); }, f);
  AddEach(
      clients, "signvote_client_rounds_counted_total", kCounter, "Rounds in which its ballot counted.",
      [](const Client& c) { return static_cast<double>(c.rounds_counted()); }, f);
  AddEach(
      clients, "signvote_client_rounds_abstained_total", kCounter, "Of these, rounds in which it said nothing.",
      [](const Client& c) { return static_cast<double>(c.rounds_abstained()); }, f);
  AddEach(
      clients, "signvote_client_stale_ballots_total", kCounter, "Blocks of ballots that came too late.",
      [](const Client& c) { return static_cast<double>(c.stale_ballots()); }, f);
  AddEach(
      clients, "signvote_client_refused_ballots_total", kCounter, "Blocks of ballots that were refused.",
      [](const Client& c) { return static_cast<double>(c.refused_ballots()); }, f);
  f->Begin("signvote_client_bytes_total", kCounter, "Serialised messages of this client.");
  for (const Client& client : clients.clients()) {
    f->Add(static_cast<double>(client.bytes_up()), {{"client", client.name()}, {"direction", "up"}});
    f->Add(static_cast<double>(client.bytes_down()), {{"client", client.name()}, {"direction", "down"}});
  }
}

void AddSuspicions(const v1::ReliabilityReport& reliability, Families* f) {
  f->Begin("signvote_client_suspicion", MetricType::Gauge, "1 while the votes of this client make one ask.");
  for (const v1::VoterReliability& voter : reliability.voters()) {
    if (voter.suspicion() == v1::NO_SUSPICION) continue;
    std::string name = v1::Suspicion_Name(voter.suspicion());
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    f->Add(1, {{"client", voter.name()}, {"suspicion", name}});
  }
}

}  // namespace

Float32Bytes Float32BytesOf(const v1::RunStatus& status) {
  const uint64_t first = status.first_block() * kBlockCoordinates;
  const uint64_t last = std::min(status.parameters(), (status.first_block() + status.blocks()) * kBlockCoordinates);
  const double each = 4.0 * static_cast<double>(last - std::min(first, last));
  return {each * static_cast<double>(status.ballots_counted()),
          each * static_cast<double>(status.decisions_delivered())};
}

std::string RenderMetrics(const v1::RunStatus& status, const v1::ListClientsResponse& clients,
                          const v1::ReliabilityReport& reliability) {
  Families families;
  AddRun(status, &families);
  AddBytes(status, &families);
  AddClients(clients, &families);
  AddSuspicions(reliability, &families);
  return families.Text();
}

}  // namespace signvote
