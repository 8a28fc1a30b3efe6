// signvotectl plot [DIR...] --out FILE
#include "server/ctl/plot.h"

#include <fmt/format.h>
#include <stdio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <limits>

#include "common/status.h"
#include "server/ctl/command.h"

namespace signvote::ctl {
namespace {

// A gnuplot string: single quotes, doubled inside; newlines would end the command.
std::string Quoted(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? "''" : c == '\n' ? " " : std::string(1, c);
  return quoted + "'";
}

absl::Status RunGnuplot(const std::string& script) {
  FILE* gnuplot = popen("gnuplot", "w");
  if (gnuplot == nullptr) return Error(absl::StatusCode::kInternal, "cannot start gnuplot: {}", strerror(errno));
  fwrite(script.data(), 1, script.size(), gnuplot);
  const int result = pclose(gnuplot);
  if (result == 0) return absl::OkStatus();
  if (WIFEXITED(result) && WEXITSTATUS(result) == 127) {
    return Error(absl::StatusCode::kInternal, "gnuplot is not installed; on Debian: apt-get install gnuplot-nox");
  }
  return Error(absl::StatusCode::kInternal, "gnuplot failed (wait status {}); its message is above", result);
}

// A run that goes on has measurements and no summary yet: it is called by its directory.
absl::StatusOr<Curve> ReadCurve(const std::string& directory, RunSummary* run) {
  ASSIGN_OR_RETURN(auto points, ReadMetrics(directory));
  if (points.empty()) {
    return Error(absl::StatusCode::kNotFound, "{}/metrics.csv has no evaluated round: is an observer in the run?",
                 directory);
  }
  if (auto summary = ReadSummary(directory); summary.ok()) *run = *std::move(summary);
  run->directory = directory;
  return Curve{directory, std::move(points)};
}

const char* NameOf(Measure what) { return what == &Measurement::accuracy ? "accuracy" : "loss"; }

// What all runs have in common, for the title: "accuracy by round: mnist, mode 4, partition all".
std::string Title(const std::vector<RunSummary>& runs, Measure what) {
  std::string title = fmt::format("Test {} by round", NameOf(what));
  const auto add = [&](std::string RunSummary::*field, const char* word) {
    const auto same = [&](const RunSummary& run) { return run.*field == runs.front().*field; };
    if (std::all_of(runs.begin(), runs.end(), same) && !(runs.front().*field).empty()) {
      title += fmt::format(", {}{}", word, runs.front().*field);
    }
  };
  add(&RunSummary::data, "");
  add(&RunSummary::mode, "mode ");
  add(&RunSummary::partition, "partition ");
  return title;
}

// The run of the server: what is measured is of the whole model, so one shard tells.
absl::StatusOr<Curve> AskCurve(const Context& context, RunSummary* run) {
  ASSIGN_OR_RETURN(Shards shards, context.Connect());
  ASSIGN_OR_RETURN(const std::vector<v1::RunStatus> status, shards.Status());
  ASSIGN_OR_RETURN(const std::vector<v1::RoundSummary> rounds,
                   shards.at(0).Collect(&v1::Admin::Stub::ListRounds, v1::ListRoundsRequest()));
  Curve curve;
  for (const v1::RoundSummary& round : rounds) {
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    if (!round.has_accuracy() && !round.has_loss()) continue;
    curve.points.push_back({round.round(), round.has_accuracy() ? round.accuracy() : kUnknown,
                            round.has_loss() ? round.loss() : kUnknown});
  }
  if (curve.points.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "{} knows no evaluated round: is an observer in the run?",
                 shards.at(0).server());
  }
  run->rule = status[0].rule();
  run->carry = status[0].carry();
  run->dither = ShortestDouble(status[0].dither());
  return curve;
}

absl::Status Plot(const Context& context, const std::vector<std::string>& directories, const std::string& out) {
  std::vector<Curve> curves;
  std::vector<RunSummary> runs;
  RETURN_IF_ERROR(CheckPicture(out));
  if (directories.empty()) {
    ASSIGN_OR_RETURN(Curve curve, AskCurve(context, &runs.emplace_back()));
    curves.push_back(std::move(curve));
  }
  for (const std::string& directory : directories) {
    RunSummary run;
    ASSIGN_OR_RETURN(Curve curve, ReadCurve(directory, &run));
    curves.push_back(std::move(curve));
    runs.push_back(std::move(run));
  }
  ASSIGN_OR_RETURN(const Measure what, CommonMeasure(curves));
  const auto labels = Labels(runs);
  for (size_t i = 0; i < runs.size(); ++i) {
    curves[i].title = runs[i].rule.empty()
                          ? labels[i]
                          : fmt::format("{}, carry {:g}, dither {:g}", labels[i], runs[i].carry, runs[i].dither);
  }
  RETURN_IF_ERROR(RunGnuplot(PlotScript(curves, what, Title(runs, what), out)));
  if (!std::filesystem::exists(out)) return Error(absl::StatusCode::kInternal, "gnuplot wrote no {}", out);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckPicture(const std::string& out) {
  if (out.ends_with(".png") || out.ends_with(".svg")) return absl::OkStatus();
  return InvalidArgument("--out {}: expected a name that ends in .png or .svg", out);
}

absl::StatusOr<Measure> CommonMeasure(const std::vector<Curve>& curves) {
  for (const Measure what : {&Measurement::accuracy, &Measurement::loss}) {
    if (std::all_of(curves.begin(), curves.end(), [what](const Curve& curve) { return Has(curve.points, what); })) {
      return what;
    }
  }
  return Error(absl::StatusCode::kFailedPrecondition,
               "some of these runs have accuracies and others have losses alone: draw them apart");
}

std::string PlotScript(const std::vector<Curve>& curves, Measure what, const std::string& title,
                       const std::string& out) {
  const bool is_accuracy = what == &Measurement::accuracy;
  // The key is below and no curve under it; offsets keep the outermost points off the frame.
  std::string script = fmt::format(
      "set terminal {} noenhanced size 1200,750 font 'sans,15' linewidth 1.5 background 'white'\n"
      "set output {}\nset title {}\n"
      "set xlabel 'round'\nset ylabel '{}'\nset format y '{}'\n"
      "set grid linetype 1 linecolor '#e0e0e0' linewidth 0.7\n"
      "set key outside below center vertical maxcols 1 Left reverse height 1\n"
      "set offsets 0, graph 0.03, {}, graph 0.03\n"
      "set border linecolor '#404040'\nset xrange [0:*]\nset yrange [{}]\n",
      out.ends_with(".svg") ? "svg" : "pngcairo", Quoted(out), Quoted(title), NameOf(what), is_accuracy ? "%.2f" : "%g",
      is_accuracy ? "0" : "graph 0.03", is_accuracy ? "*:1" : "*:*");
  // Colours that stay apart for colour-blind readers and in grey (Okabe and Ito).
  const char* kColours[] = {"#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
  const int kFilledPoints[] = {7, 5, 9, 13, 11};  // gnuplot's numbers
  for (size_t i = 0; i < curves.size(); ++i) {
    script += fmt::format("$curve{} << END\n", i);
    for (const Measurement& p : curves[i].points) {
      if (!std::isnan(p.*what)) script += fmt::format("{} {}\n", p.round, p.*what);
    }
    script += "END\n";
  }
  script += "plot ";
  for (size_t i = 0; i < curves.size(); ++i) {
    // Earlier curves are wider: where curves coincide, all of them show.
    const size_t width = 2 + 2 * std::min<size_t>(curves.size() - 1 - i, 3);
    script += fmt::format(
        "{}$curve{} using 1:2 with linespoints linewidth {} pointtype {} pointsize 1 linecolor '{}' title {}",
        i > 0 ? ", " : "", i, width, kFilledPoints[i % std::size(kFilledPoints)], kColours[i % std::size(kColours)],
        Quoted(curves[i].title));
  }
  return script + "\n";
}

void AddPlotCommand(CLI::App* app, Context* context) {
  auto directories = std::make_shared<std::vector<std::string>>();
  auto out = std::make_shared<std::string>();
  CLI::App* command = AddCommand(
      app, {"plot", "Draw accuracy (or loss) by round: of the server's run, or of those in directories (needs gnuplot)",
            "signvotectl plot --out run.svg\n"
            "signvotectl plot runs/latest/*/ --out accuracy.png"});
  command->add_option("DIR", *directories, "Directories of runs, each with a metrics.csv; none: ask the server")
      ->type_name("DIRECTORY");
  command->add_option("--out", *out, "The picture: FILE.png or FILE.svg")->required()->type_name("FILE");
  command->callback([context, directories, out] {
    context->run = [context, directories, out]() -> absl::Status {
      RETURN_IF_ERROR(Plot(*context, *directories, *out));
      if (context->json) {
        context->PrintJson(Json{{"out", *out}});
      } else {
        context->out << *out << std::endl;
      }
      return absl::OkStatus();
    };
  });
}

}  // namespace signvote::ctl
