#include "server/round/registry.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <cctype>

#include "common/bytes.h"
#include "common/random.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr uint64_t kMagnitudeRounds = 10;

}  // namespace

absl::Status ValidateName(std::string_view name) {
  const bool legal = std::all_of(name.begin(), name.end(),
                                 [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '_' || c == '-'; });
  if (name.empty() || name.size() > 64 || !legal) {
    return InvalidArgument("client name \"{}\": expected 1 to 64 letters, digits, dots, underscores or dashes",
                           absl::CHexEscape(std::string(name.substr(0, 64))));
  }
  return absl::OkStatus();
}

void Client::Count(uint64_t ballot_round, float ballot_magnitude, bool abstained) {
  ++rounds_counted;
  rounds_abstained += abstained;
  recent_abstentions = (recent_abstentions << 1 | uint32_t{abstained}) & ((uint32_t{1} << kRecent) - 1);
  last_ballot = ballot_round;
  if (ballot_magnitude == 0) return;
  if (magnitude == 0) magnitude = ballot_magnitude;
  // The mean of the first ballots, then a running one.
  magnitude += (ballot_magnitude - magnitude) / static_cast<float>(std::min(rounds_counted, kMagnitudeRounds));
}

Client* Registry::Find(std::string_view name) {
  auto found = clients_.find(name);
  return found == clients_.end() ? nullptr : &found->second;
}

const Client* Registry::Find(std::string_view name) const { return const_cast<Registry*>(this)->Find(name); }

Client* Registry::FindById(uint64_t id) {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

const Client* Registry::FindById(uint64_t id) const {
  auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

Client& Registry::Admit(const std::string& name) {
  auto [entry, is_new] = clients_.try_emplace(name);
  if (is_new) {
    entry->second.name = name;
    entry->second.id = ClientId(name);
    by_id_[entry->second.id] = &entry->second;
  }
  return entry->second;
}

void Registry::Apply(const v1::ClientRecord& record) {
  Client& client = Admit(record.name());
  client.role = record.role();
  client.batch = record.batch();
  client.fraction = record.fraction();
  client.evicted = record.evicted();
}

v1::ClientRecord Registry::RecordOf(const Client& client) {
  v1::ClientRecord record;
  record.set_client_id(client.id);
  record.set_name(client.name);
  record.set_role(client.role);
  record.set_batch(client.batch);
  record.set_fraction(client.fraction);
  record.set_evicted(client.evicted);
  return record;
}

void Registry::Save(std::string* out) const {
  PutRaw(out, uint64_t{clients_.size()});
  for (const auto& [name, client] : clients_) {
    v1::ClientRecord kept = RecordOf(client);
    kept.set_rounds_abstained(client.rounds_abstained);
    kept.set_recent_abstentions(client.recent_abstentions);
    const std::string record = kept.SerializeAsString();
    PutRaw(out, uint64_t{record.size()});
    *out += record;
    PutRaw(out, client.rounds_counted);
    PutRaw(out, client.last_ballot);
    PutRaw(out, client.magnitude);
  }
}

absl::Status Registry::Restore(std::string_view bytes) {
  Registry restored;
  uint64_t count = 0;
  bool whole = TakeRaw(&bytes, &count);
  for (uint64_t i = 0; whole && i < count; ++i) {
    uint64_t size = 0;
    v1::ClientRecord record;
    whole =
        TakeRaw(&bytes, &size) && size <= bytes.size() && record.ParseFromArray(bytes.data(), static_cast<int>(size));
    if (!whole) break;
    bytes.remove_prefix(size);
    restored.Apply(record);
    Client& client = *restored.Find(record.name());
    client.rounds_abstained = record.rounds_abstained();
    client.recent_abstentions = record.recent_abstentions();
    whole = TakeRaw(&bytes, &client.rounds_counted) && TakeRaw(&bytes, &client.last_ballot) &&
            TakeRaw(&bytes, &client.magnitude);
  }
  if (!whole || !bytes.empty()) return InvalidArgument("the saved list of clients is damaged");
  *this = std::move(restored);
  return absl::OkStatus();
}

}  // namespace signvote
