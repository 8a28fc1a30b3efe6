// Who may join, and what a client is told that does.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>

#include "common/status.h"
#include "server/service/federation.h"
#include "server/service/settings.h"

namespace signvote {
namespace {

constexpr uint32_t kProtocol = 1;

std::string NewToken() {
  static Mutex mu;
  static std::random_device device;
  MutexLock lock(mu);
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

}  // namespace

absl::Status Federation::CheckJoin(const v1::Join& join, const std::optional<Identity>& caller) {
  RETURN_IF_ERROR(ValidateName(join.name()));
  if (join.protocol() != kProtocol) {
    return Error(absl::StatusCode::kFailedPrecondition, "client {} speaks protocol {}, this server speaks {}",
                 join.name(), join.protocol(), kProtocol);
  }
  if (join.role() != v1::VOTER && join.role() != v1::OBSERVER) {
    return InvalidArgument("client {} joins with role {}: expected VOTER or OBSERVER", join.name(),
                           static_cast<int>(join.role()));
  }
  if (caller && caller->name != join.name()) {
    return Error(absl::StatusCode::kPermissionDenied,
                 "the certificate is {}'s, and the client says that it is {}: use the certificate of that name",
                 caller->name, join.name());
  }
  if (const char* role = join.role() == v1::VOTER ? "voter" : "observer"; caller && caller->role != role) {
    return Error(absl::StatusCode::kPermissionDenied,
                 "{} is {} by its certificate, and wants to join as {}: deploy/certs.sh client {} --role {}",
                 caller->name, caller->role, role, caller->name, role);
  }
  if (join.fraction() > 16) {
    return Error(absl::StatusCode::kFailedPrecondition, "client {} asks for fraction 1/{}: expected k from 1 to 16",
                 join.name(), join.fraction());
  }
  RETURN_IF_ERROR(ValidateSettings(join));
  const Client* known = registry_.Find(join.name());
  if (known && known->evicted) {
    return Error(absl::StatusCode::kPermissionDenied,
                 "client {} is evicted; an administrator can readmit it: signvotectl readmit {}", join.name(),
                 join.name());
  }
  if (known && known->IsConnected() && known->token != join.session()) {
    return Error(absl::StatusCode::kAlreadyExists,
                 "another live session holds the name {}: give every client a name of its own", join.name());
  }
  if (farewell_) {
    return Error(absl::StatusCode::kUnavailable, "the server is stopping: {}", farewell_->detail());
  }
  return absl::OkStatus();
}

void Federation::Join(SessionId id, Session& session, const v1::Join& join) {
  if (session.client) return End(id, InvalidArgument("Join came twice in one session"));
  if (absl::Status status = CheckJoin(join, session.caller); !status.ok()) {
    NoteRefused(join.name(), status);
    return End(id, status);
  }

  const bool is_new = registry_.Find(join.name()) == nullptr;
  Client& client = registry_.Admit(join.name());
  if (client.IsConnected()) {
    const SessionId old = client.session;
    Depart(old);
    End(old, Error(absl::StatusCode::kAborted, "a newer session of {} took over", client.name));
  }
  const v1::ClientRecord before = Registry::RecordOf(client);
  client.role = join.role();
  client.batch = join.batch();
  client.fraction = join.fraction() == 0 ? options_.fraction : join.fraction();
  client.session = id;
  client.token = NewToken();
  client.settings = {join.settings().begin(), join.settings().end()};
  client.last_seen = environment_.now();
  client.silent_rounds = 0;
  session.client = &client;
  const v1::ClientRecord after = Registry::RecordOf(client);
  if (is_new || after.SerializeAsString() != before.SerializeAsString()) Record(client);
  const SettingsVerdict verdict = JudgeSettings(client, registry_);
  Greet(session, join, verdict.warning);
  if (client.role == v1::VOTER && round_) {
    round_->Arrive(client.id, IsAsked(client));
    FillSeats();
  }
  const bool votes = client.role == v1::VOTER;
  Note(v1::JOINED, client.name, votes ? fmt::format("voter, batch {}", client.batch) : std::string("observer"));
  spdlog::info("{} {} joined{}", votes ? "voter" : "observer", client.name,
               votes ? fmt::format(", batch {}", client.batch) : "");
  for (const auto& [name, text] : verdict.events) {
    Note(v1::SETTINGS_DIFFER, name, text);
    spdlog::warn("{}: {}: what it trains on or measures is something else; compare the files client.yaml", name, text);
  }
}

void Federation::NoteRefused(const std::string& name, const absl::Status& status) {
  if (farewell_) return;
  // What a stranger calls itself is told, and no reason to remember it.
  const std::string known = registry_.Find(name) ? name : "";
  if (Note(v1::REFUSED_JOIN, known, Message(status))) spdlog::warn("a client is refused: {}", Message(status));
}

void Federation::Record(const Client& client) {
  const auto is_of_client = [&](const v1::JournalRecord& record) {
    return record.has_client() && record.client().client_id() == client.id;
  };
  const auto last = std::find_if(pending_records_.rbegin(), pending_records_.rend(), is_of_client);
  const bool is_replaced = last != pending_records_.rend() && last->client().evicted() == client.evicted;
  v1::JournalRecord& record = is_replaced ? *last : pending_records_.emplace_back();
  *record.mutable_client() = Registry::RecordOf(client);
}

void Federation::Greet(Session& session, const v1::Join& join, const std::string& warning) {
  v1::ServerMessage message;
  v1::Welcome& welcome = *message.mutable_welcome();
  welcome.set_session(session.client->token);
  welcome.set_client_id(session.client->id);
  welcome.set_run(run_);
  welcome.set_round(broadcast_.closed);
  welcome.set_model_sha256(bundle_.module_sha256);
  welcome.set_model_size(broadcast_.module.size());
  *welcome.mutable_config() = ConfigFor(session.client->fraction);
  DescribeTensors(welcome.mutable_tensors());
  welcome.set_warning(warning);
  session.feed.Say(message);
  session.feed.Start(join.model_sha256() != bundle_.module_sha256, CatchUpFrom(join));
}

v1::RunConfig Federation::ConfigFor(uint32_t fraction) const {
  v1::RunConfig config;
  config.set_parameters(range_.parameters);
  config.set_first_block(range_.first);
  config.set_blocks(range_.count);
  config.set_seed(options_.seed);
  config.set_rule(options_.vote.rule);
  config.set_carry(options_.vote.carry);
  config.set_dither(options_.dither);
  config.set_local_steps(options_.local_steps);
  config.set_local_step_size(options_.local_step_size);
  config.set_flip_probability(options_.flip_probability);
  config.set_fraction(fraction);
  config.set_rounds_total(options_.rounds.total);
  config.set_max_staleness(options_.rounds.max_staleness);
  config.set_terms(terms_);
  return config;
}

void Federation::DescribeTensors(google::protobuf::RepeatedPtrField<v1::Tensor>* tensors) const {
  for (const TensorShape& shape : bundle_.parameters.tensors) {
    v1::Tensor& tensor = *tensors->Add();
    tensor.set_name(shape.name);
    for (uint64_t extent : shape.shape) tensor.add_shape(extent);
  }
}

uint64_t Federation::CatchUpFrom(const v1::Join& join) const {
  if (!join.has_fingerprint()) return 0;
  const Fingerprint claimed = FromProto(join.fingerprint());
  if (const ClosedRound* round = broadcast_.history.Find(join.round()); round && round->closed) {
    return round->fingerprint == claimed ? join.round() + 1 : 0;
  }
  if (join.round() == broadcast_.closed && claimed == closed_fingerprint_) return broadcast_.closed + 1;
  return 0;
}

}  // namespace signvote
