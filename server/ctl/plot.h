// Accuracy or loss by round as a picture, drawn by gnuplot.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "server/ctl/run_files.h"

namespace signvote::ctl {

struct Curve {
  std::string title;
  std::vector<Measurement> points;
};

// INVALID_ARGUMENT unless the name ends in .png or .svg.
absl::Status CheckPicture(const std::string& out);

// Accuracy where all curves have it, else loss. FAILED_PRECONDITION: not all have either.
absl::StatusOr<Measure> CommonMeasure(const std::vector<Curve>& curves);

// What gnuplot reads, of `what`: the points are part of it, so it refers to no other file than `out`, which is PNG or
// SVG by its name. Pure.
std::string PlotScript(const std::vector<Curve>& curves, Measure what, const std::string& title,
                       const std::string& out);

}  // namespace signvote::ctl
