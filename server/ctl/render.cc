#include "server/ctl/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "common/fingerprint.h"
#include "common/real_text.h"
#include "server/ctl/format.h"

namespace signvote::ctl {
namespace {

using Align = Table::Align;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// "VOTES_AGAINST" as "votes against".
std::string Words(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return Lower(std::move(name));
}

std::string Learning(const v1::RunStatus& s) {
  return fmt::format("rule {}, carry {:g}, dither {:g}, fraction {}", s.rule(), s.carry(), s.dither(),
                     s.fraction() > 1 ? fmt::format("1/{}", s.fraction()) : "1");
}

std::string Rate(const v1::RunStatus& s) {
  if (s.seconds_per_round() <= 0) return "-";
  return s.seconds_per_round() > 1 ? fmt::format("{}/round", FormatDuration(s.seconds_per_round()))
                                   : fmt::format("{:.1f} rounds/s", 1 / s.seconds_per_round());
}

std::string Eta(const v1::RunStatus& s) { return s.eta_seconds() > 0 ? FormatDuration(s.eta_seconds()) : "-"; }

std::string Measured(const v1::RunStatus& s) {
  if (s.evaluations().empty()) return "not measured yet";
  const auto& last = s.evaluations(s.evaluations_size() - 1);
  if (std::isnan(last.accuracy()))
    return fmt::format("not measured, loss {} (round {})", RealText(last.loss()), last.round());
  return fmt::format("{}, loss {} (round {})", FormatPercent(last.accuracy()), RealText(last.loss()), last.round());
}

std::string Traffic(const v1::RunStatus& s) {
  return fmt::format("{} up, {} down; {} and {} per client and round", FormatBytes(static_cast<double>(s.bytes_up())),
                     FormatBytes(static_cast<double>(s.bytes_down())), FormatBytes(s.bytes_up_per_client_round()),
                     FormatBytes(s.bytes_down_per_client_round()));
}

std::string Crowd(const v1::RunStatus& s) {
  return fmt::format("{} voters and {} observers connected, {} ballots of {} needed", s.voters(), s.observers(),
                     s.ballots(), s.quorum());
}

std::vector<std::string> QuantileCells(const v1::Quantiles& q) {
  std::vector<std::string> cells;
  for (double v : {q.minimum(), q.p25(), q.median(), q.p75(), q.maximum(), q.mean()}) cells.push_back(FormatReal(v, 3));
  return cells;
}

std::string RenderTensors(const v1::ClientDetail& detail) {
  Table table({{"tensor", Align::kLeft},
               {"coordinates"},
               {"of", Align::kLeft},
               {"min"},
               {"p25"},
               {"median"},
               {"p75"},
               {"max"},
               {"mean"}});
  for (const auto& tensor : detail.tensors()) {
    std::vector<std::string> row = {tensor.name(), FormatCount(tensor.coordinates()), "crossover"};
    for (auto& cell : QuantileCells(tensor.crossover())) row.push_back(std::move(cell));
    table.Add(std::move(row));
    row = {"", "", "weight"};
    for (auto& cell : QuantileCells(tensor.weight())) row.push_back(std::move(cell));
    table.Add(std::move(row));
  }
  return table.Render();
}

std::string RenderBlocks(const v1::ClientDetail& detail) {
  Table table({{"block"}, {"crossover"}, {"weight"}, {"next weight"}, {"trust"}, {"flags", Align::kLeft}});
  for (const auto& block : detail.blocks()) {
    table.Add({std::to_string(block.block()), FormatReal(block.crossover(), 4), std::to_string(block.weight()),
               std::to_string(block.next_weight()), FormatReal(block.trust(), 2),
               block.different() ? "different" : ""});
  }
  return table.Render();
}

}  // namespace

std::string PhaseName(v1::Phase phase) {
  switch (phase) {
    case v1::FINISHED_RUN:
      return "finished";
    case v1::STOPPING_RUN:
      return "stopping";
    default:
      return v1::Phase_IsValid(phase) ? Lower(v1::Phase_Name(phase)) : std::to_string(phase);
  }
}

std::string SuspicionName(v1::Suspicion suspicion) {
  return suspicion == v1::NO_SUSPICION ? "" : Words(v1::Suspicion_Name(suspicion));
}

std::string RenderEvent(const v1::Event& event, absl::TimeZone zone) {
  const absl::Time time = absl::FromUnixMicros(static_cast<int64_t>(event.unix_seconds() * 1e6));
  const std::string about = !event.client().empty() && !event.detail().empty() ? ": " : "";
  return Printable(fmt::format("{}  round {}  {}  {}{}{}", absl::FormatTime("%Y-%m-%d %H:%M:%S", time, zone),
                               event.round(), Words(v1::EventKind_Name(event.kind())), event.client(), about,
                               event.detail()));
}

std::string Flags(const v1::ClientSummary& client) {
  std::vector<std::string> flags;
  if (client.different()) flags.push_back("different");
  if (client.suspicion() != v1::NO_SUSPICION) flags.push_back(SuspicionName(client.suspicion()));
  if (client.evicted()) flags.push_back("evicted");
  if (client.connected() && client.silent()) flags.push_back("silent");
  if (!client.connected()) flags.push_back("away");
  return fmt::format("{}", fmt::join(flags, ", "));
}

std::string RenderStatus(const v1::RunStatus& s) {
  std::string text = fmt::format("phase        {}\n", PhaseName(s.phase()));
  if (!s.problem().empty()) text += fmt::format("problem      {}\n", s.problem());
  text += fmt::format("round        {} of {}, {}, {} left\n", s.round(), s.rounds_total(), Rate(s), Eta(s));
  text += fmt::format("accuracy     {}\n", Measured(s));
  text += fmt::format("clients      {}\n", Crowd(s));
  text += fmt::format("learning     {}, step {:g}, trust {:.2f}\n", Learning(s), s.step(), s.trust());
  text += fmt::format("bytes        {}; {} to joiners\n", Traffic(s), FormatBytes(static_cast<double>(s.bytes_join())));
  text += fmt::format("last round   {} collecting, {} decoding, {} journalling\n",
                      FormatDuration(s.last_round().collect_seconds()), FormatDuration(s.last_round().decode_seconds()),
                      FormatDuration(s.last_round().journal_seconds()));
  text += fmt::format("model        {} parameters, blocks {} to {}\n", FormatCount(s.parameters()), s.first_block(),
                      s.first_block() + std::max<uint64_t>(s.blocks(), 1) - 1);
  if (s.has_fingerprint()) text += fmt::format("fingerprint  {}\n", FromProto(s.fingerprint()).Hex());
  const std::string which = s.run().empty() ? "" : fmt::format("{} in {}, ", s.run(), s.directory());
  text += fmt::format("run          {}{} old\n", which, FormatDuration(s.seconds()));
  return text;
}

std::string RenderShards(const std::vector<std::string>& servers, const std::vector<v1::RunStatus>& shards) {
  Table table({{"shard", Align::kLeft},
               {"blocks"},
               {"round"},
               {"phase", Align::kLeft},
               {"fingerprint", Align::kLeft},
               {"directory", Align::kLeft},
               {"problem", Align::kLeft}});
  for (size_t i = 0; i < shards.size(); ++i) {
    const v1::RunStatus& s = shards[i];
    table.Add({servers[i], fmt::format("{} to {}", s.first_block(), s.first_block() + s.blocks() - 1),
               FormatCount(s.round()), PhaseName(s.phase()), FromProto(s.fingerprint()).Hex(), s.directory(),
               s.problem()});
  }
  return table.Render();
}

std::string RenderClients(const v1::ListClientsResponse& response) {
  Table table({{"name", Align::kLeft},
               {"role", Align::kLeft},
               {"batch"},
               {"rounds"},
               {"crossover"},
               {"mean weight"},
               {"last seen"},
               {"up"},
               {"down"},
               {"flags", Align::kLeft}});
  for (const auto& c : response.clients()) {
    const bool heard = c.rounds_counted() > 0;
    table.Add({c.name(), Lower(v1::Role_Name(c.role())), c.role() == v1::VOTER ? FormatCount(c.batch()) : "-",
               FormatCount(c.rounds_counted()), heard ? FormatReal(c.crossover(), 4) : "-",
               heard ? FormatReal(c.mean_weight(), 3) : "-", FormatDuration(c.last_seen_seconds()),
               FormatBytes(static_cast<double>(c.bytes_up())), FormatBytes(static_cast<double>(c.bytes_down())),
               Flags(c)});
  }
  return table.Render();
}

std::string RenderClient(const v1::ClientDetail& detail) {
  v1::ListClientsResponse one;
  *one.add_clients() = detail.summary();
  const auto& c = detail.summary();
  std::string text = RenderClients(one);
  const std::string applied = !c.has_fingerprint_agrees()
                                  ? "applied no round yet"
                                  : fmt::format("applied round {} of {}, its fingerprint {}", c.round(), detail.round(),
                                                c.fingerprint_agrees() ? "agrees" : "DIFFERS");
  text += fmt::format("\nclient {:016x}: {}; {} stale and {} refused ballots\n", c.client_id(), applied,
                      c.stale_ballots(), c.refused_ballots());
  if (c.rounds_abstained() > 0) {
    text += fmt::format("abstained in {} of its {} rounds\n", c.rounds_abstained(), c.rounds_counted());
  }
  if (!c.explanation().empty()) text += c.explanation() + "\n";
  if (!detail.tensors().empty()) text += "\n" + RenderTensors(detail);
  if (!detail.blocks().empty()) text += "\n" + RenderBlocks(detail);
  return text;
}

std::vector<std::string> RenderWatch(const v1::RunStatus& s, size_t width) {
  const double percent =
      s.rounds_total() == 0 ? 0 : 100.0 * static_cast<double>(s.round()) / static_cast<double>(s.rounds_total());
  std::vector<std::string> lines = {
      fmt::format("{} {}/{}  {:.0f} %  {}  {} left  {}", ProgressBar(s.round(), s.rounds_total(), 30), s.round(),
                  s.rounds_total(), percent, Rate(s), Eta(s), PhaseName(s.phase())),
      fmt::format("accuracy  {}", Measured(s)),
      fmt::format("bytes     {}", Traffic(s)),
      fmt::format("clients   {}", Crowd(s)),
      fmt::format("learning  {}, step {:.2e}, trust {:.2f}", Learning(s), s.step(), s.trust()),
  };
  if (!s.problem().empty()) lines.push_back("problem   " + s.problem());
  for (std::string& line : lines) line = Truncate(line, width);
  return lines;
}

std::string RenderWatchLine(const v1::RunStatus& s) {
  std::string line =
      fmt::format("round {}/{}  {}  accuracy {}  {} up  {} down  {}  {} left", s.round(), s.rounds_total(),
                  PhaseName(s.phase()), Measured(s), FormatBytes(static_cast<double>(s.bytes_up())),
                  FormatBytes(static_cast<double>(s.bytes_down())), Rate(s), Eta(s));
  if (!s.problem().empty()) line += "  problem: " + s.problem();
  return line;
}

}  // namespace signvote::ctl
