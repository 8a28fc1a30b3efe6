#include "server/ctl/run_files.h"

#include <absl/strings/str_split.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <sstream>

#include "common/files.h"
#include "common/status.h"

namespace signvote::ctl {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

bool Has(const Json& json, const char* key) { return json.contains(key) && !json.at(key).is_null(); }
double Real(const Json& json, const char* key) { return Has(json, key) ? json.at(key).get<double>() : kUnknown; }
uint64_t Whole(const Json& json, const char* key) { return Has(json, key) ? json.at(key).get<uint64_t>() : 0; }

// Labels of a run are the user's words: "4" and 4 are the same mode.
std::string Text(const Json& json, const char* key) {
  if (!Has(json, key)) return "";
  return json.at(key).is_string() ? json.at(key).get<std::string>() : json.at(key).dump();
}

RunSummary FromJson(const Json& json) {
  RunSummary run;
  run.rule = Text(json, "rule");
  run.mode = Text(json, "mode");
  run.partition = Text(json, "partition");
  run.data = Text(json, "data");
  run.carry = Real(json, "carry");
  run.dither = Real(json, "dither");
  run.step = Real(json, "step");
  run.seconds = Real(json, "seconds");
  run.rounds = Whole(json, "rounds");
  run.parameters = Whole(json, "parameters");
  run.final_accuracy = Real(json, "final_accuracy");
  run.bytes_up = Real(json, "bytes_up_per_client_round");
  run.bytes_down = Real(json, "bytes_down_per_client_round");
  run.fingerprints_agree = Has(json, "fingerprints_agree") && json.at("fingerprints_agree").get<bool>();
  if (Has(json, "accuracy")) {
    for (const Json& point : json.at("accuracy"))
      run.measured.push_back({Whole(point, "round"), Real(point, "accuracy"), Real(point, "loss")});
  }
  if (Has(json, "clients")) {
    for (const Json& c : json.at("clients")) {
      run.clients.push_back({Text(c, "name"), Whole(c, "batch"), Real(c, "crossover"), Real(c, "mean_weight")});
    }
  }
  return run;
}

// An empty cell is NaN.
bool ParseReal(const std::string& text, double* value) {
  char* end = nullptr;
  *value = text.empty() ? kUnknown : std::strtod(text.c_str(), &end);
  return text.empty() || *end == '\0';
}

}  // namespace

bool Has(const std::vector<Measurement>& measured, Measure what) {
  return std::any_of(measured.begin(), measured.end(), [what](const Measurement& m) { return !std::isnan(m.*what); });
}

absl::StatusOr<RunSummary> ParseSummary(const std::string& text, const std::string& directory) {
  try {
    const Json json = Json::parse(text);
    if (!json.is_object()) {
      return Error(absl::StatusCode::kDataLoss, "{}/summary.json holds no JSON object", directory);
    }
    RunSummary run = FromJson(json);
    run.directory = directory;
    run.json = json;
    return run;
  } catch (const Json::exception& e) {
    return Error(absl::StatusCode::kDataLoss, "{}/summary.json is not a run's summary: {}", directory, e.what());
  }
}

absl::StatusOr<RunSummary> ReadSummary(const std::string& directory) {
  auto text = ReadFile(directory + "/summary.json");
  if (!text.ok()) return Annotate(text.status(), "a run writes its summary at its end");
  return ParseSummary(*text, directory);
}

absl::StatusOr<std::vector<Measurement>> ParseMetrics(const std::string& text, const std::string& file) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> titles = absl::StrSplit(line, ',');
  const auto column = [&](const char* name) { return std::find(titles.begin(), titles.end(), name) - titles.begin(); };
  const auto round = static_cast<size_t>(column("round")), accuracy = static_cast<size_t>(column("accuracy"));
  if (round == titles.size() || accuracy == titles.size()) {
    return Error(absl::StatusCode::kDataLoss, "{}: the first line names no columns round and accuracy: \"{}\"", file,
                 line);
  }
  const auto loss = static_cast<size_t>(column("loss"));
  std::vector<Measurement> measured;
  for (int number = 2; std::getline(lines, line) && !lines.eof(); ++number) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    const auto cell = [&](size_t at) { return at < cells.size() ? cells[at] : ""; };
    if (cell(accuracy).empty() && cell(loss).empty()) continue;
    double r = 0, a = 0, l = 0;
    if (!ParseReal(cell(round), &r) || std::isnan(r) || !ParseReal(cell(accuracy), &a) || !ParseReal(cell(loss), &l)) {
      return Error(absl::StatusCode::kDataLoss, "{}:{}: round \"{}\", accuracy \"{}\" or loss \"{}\" is not a number",
                   file, number, cell(round), cell(accuracy), cell(loss));
    }
    measured.push_back({static_cast<uint64_t>(r), a, l});
  }
  return measured;
}

absl::StatusOr<std::vector<Measurement>> ReadMetrics(const std::string& directory) {
  const std::string file = directory + "/metrics.csv";
  ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  return ParseMetrics(text, file);
}

std::vector<std::string> Labels(const std::vector<RunSummary>& runs) {
  std::vector<std::string> labels;
  for (const RunSummary& run : runs) {
    const auto same = std::count_if(runs.begin(), runs.end(), [&](const RunSummary& r) { return r.rule == run.rule; });
    labels.push_back(run.rule.empty() ? run.directory : same > 1 ? run.rule + " (" + run.directory + ")" : run.rule);
  }
  return labels;
}

}  // namespace signvote::ctl
