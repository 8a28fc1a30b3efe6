// signvotectl summary DIR...
#include "server/ctl/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "common/real_text.h"
#include "common/status.h"
#include "server/ctl/command.h"
#include "server/ctl/format.h"

namespace signvote::ctl {
namespace {

using Align = Table::Align;

std::map<uint64_t, int> RunsMeasuredAt(const std::vector<RunSummary>& runs, Measure what) {
  std::map<uint64_t, int> counts;
  for (const RunSummary& run : runs) {
    std::set<uint64_t> rounds;  // once each: a resumed run may have measured one twice
    for (const Measurement& m : run.measured) {
      if (!std::isnan(m.*what)) rounds.insert(m.round);
    }
    for (uint64_t round : rounds) ++counts[round];
  }
  return counts;
}

// Of the rounds nearer than `reach` to `wanted`, the nearest of those that most runs have; 0: none.
uint64_t CommonRound(const std::map<uint64_t, int>& counts, double wanted, double reach) {
  std::pair<int, double> best;
  uint64_t found = 0;
  for (const auto& [round, count] : counts) {
    const double distance = std::abs(static_cast<double>(round) - wanted);
    if (distance >= reach || std::pair(count, -distance) <= best) continue;
    best = {count, -distance};
    found = round;
  }
  return found;
}

double LastMeasured(const std::vector<Measurement>& measured, Measure what) {
  double last = std::numeric_limits<double>::quiet_NaN();
  for (const Measurement& m : measured) last = std::isnan(m.*what) ? last : m.*what;
  return last;
}

std::string RenderMeasured(const std::vector<RunSummary>& runs, const std::vector<std::string>& labels, Measure what) {
  const bool is_accuracy = what == &Measurement::accuracy;
  const auto text = [&](double value) {
    return is_accuracy ? FormatPercent(value) : std::isnan(value) ? "-" : RealText(value);
  };
  const auto rounds = ShownRounds(runs, what);
  std::vector<Table::Column> columns = {{is_accuracy ? "accuracy" : "loss", Align::kLeft},
                                        {"data"},
                                        {"mode"},
                                        {"partition"},
                                        {"carry"},
                                        {"dither"},
                                        {"step"}};
  for (uint64_t round : rounds) columns.push_back({fmt::format("round {}", round)});
  columns.push_back({"final"});
  columns.push_back({"time"});
  Table table(columns);
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunSummary& run = runs[i];
    std::vector<std::string> row = {labels[i],
                                    run.data,
                                    run.mode,
                                    run.partition,
                                    fmt::format("{:g}", run.carry),
                                    fmt::format("{:g}", run.dither),
                                    fmt::format("{:g}", run.step)};
    for (uint64_t round : rounds) row.push_back(text(MeasuredAt(run.measured, what, round)));
    row.push_back(text(is_accuracy ? run.final_accuracy : LastMeasured(run.measured, what)));
    row.push_back(FormatDuration(run.seconds));
    table.Add(std::move(row));
  }
  return table.Render();
}

std::string RenderBytes(const std::vector<RunSummary>& runs, const std::vector<std::string>& labels) {
  Table table({{"bytes per client and round", Align::kLeft},
               {"up"},
               {"down"},
               {"float32, each way"},
               {"saved"},
               {"parameters"},
               {"fingerprints"}});
  for (size_t i = 0; i < runs.size(); ++i) {
    const RunSummary& run = runs[i];
    const double less = 2 * run.Float32Bytes() / (run.bytes_up + run.bytes_down);
    table.Add({labels[i], FormatBytes(run.bytes_up), FormatBytes(run.bytes_down), FormatBytes(run.Float32Bytes()),
               std::isfinite(less) ? fmt::format("{:.1f} times less", less) : "-", FormatCount(run.parameters),
               run.fingerprints_agree ? "agree" : "DIFFER"});
  }
  return table.Render();
}

// A line a client, two columns a run; a client whose batch differs between runs has a line for each.
std::string RenderVoters(const std::vector<RunSummary>& runs, const std::vector<std::string>& labels) {
  std::vector<Table::Column> groups = {{"", Align::kLeft}, {""}};
  std::vector<std::string> titles = {"client", "batch"};
  std::map<std::pair<std::string, uint64_t>, std::vector<std::string>> lines;
  for (size_t i = 0; i < runs.size(); ++i) {
    groups.push_back({labels[i]});
    groups.push_back({""});
    titles.insert(titles.end(), {"crossover", "weight"});
    for (const auto& client : runs[i].clients) {
      if (client.batch == 0) continue;  // an observer casts no votes
      auto& cells = lines[{client.name, client.batch}];
      cells.resize(2 + 2 * runs.size());
      cells[0] = client.name;
      cells[1] = FormatCount(client.batch);
      cells[2 + 2 * i] = FormatReal(client.crossover, 4);
      cells[3 + 2 * i] = FormatReal(client.mean_weight, 3);
    }
  }
  Table table(groups);
  table.Add(titles);
  for (auto& [key, cells] : lines) table.Add(std::move(cells));
  return table.Render();
}

absl::Status Summary(const Context& context, const std::vector<std::string>& directories) {
  std::vector<RunSummary> runs;
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(RunSummary run, ReadSummary(directory));
    runs.push_back(std::move(run));
  }
  if (!context.json) {
    context.out << RenderSummary(runs) << std::flush;
    return absl::OkStatus();
  }
  Json all = Json::array();
  for (const RunSummary& run : runs) {
    Json json = run.json;
    json["directory"] = run.directory;
    json["float32_bytes_per_client_round"] = run.Float32Bytes();
    all.push_back(std::move(json));
  }
  context.PrintJson(Json{{"runs", std::move(all)}});
  return absl::OkStatus();
}

}  // namespace

std::vector<uint64_t> ShownRounds(const std::vector<RunSummary>& runs, Measure what) {
  const std::map<uint64_t, int> counts = RunsMeasuredAt(runs, what);
  if (counts.empty()) return {};
  const uint64_t last = counts.rbegin()->first;
  std::vector<uint64_t> shown;
  for (const double part : {1.0 / 3, 2.0 / 3}) {
    const uint64_t round = CommonRound(counts, part * static_cast<double>(last), static_cast<double>(last) / 6);
    if (round > 0) shown.push_back(round);
  }
  shown.push_back(last);
  return shown;
}

double MeasuredAt(const std::vector<Measurement>& measured, Measure what, uint64_t round) {
  double found = std::numeric_limits<double>::quiet_NaN();
  for (const Measurement& m : measured) {
    if (m.round == round) found = m.*what;
  }
  return found;
}

std::string RenderSummary(const std::vector<RunSummary>& runs) {
  const auto labels = Labels(runs);
  const auto has_accuracy = [](const RunSummary& run) { return Has(run.measured, &Measurement::accuracy); };
  const bool needs_loss = std::any_of(runs.begin(), runs.end(), [&](const RunSummary& run) {
    return !has_accuracy(run) && Has(run.measured, &Measurement::loss);
  });
  std::string text;
  if (!needs_loss || std::any_of(runs.begin(), runs.end(), has_accuracy)) {
    text = RenderMeasured(runs, labels, &Measurement::accuracy) + "\n";
  }
  if (needs_loss) text += RenderMeasured(runs, labels, &Measurement::loss) + "\n";
  return text + RenderBytes(runs, labels) + "\n" + RenderVoters(runs, labels);
}

void AddSummaryCommand(CLI::App* app, Context* context) {
  auto directories = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      AddCommand(app, {"summary", "The final table of finished runs: accuracy or loss, bytes, each client's weight",
                       "signvotectl summary runs/latest/*/"});
  command->add_option("DIR", *directories, "Directories of runs, each with a summary.json")
      ->required()
      ->type_name("DIRECTORY");
  command->callback(
      [context, directories] { context->run = [context, directories] { return Summary(*context, *directories); }; });
}

}  // namespace signvote::ctl
