// Accuracy by round as a picture, drawn by gnuplot.
#pragma once

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

// What gnuplot reads: the points are part of it, so it refers to no other file than `out`, which is PNG or SVG by its
// name. Pure.
std::string PlotScript(const std::vector<Curve>& curves, const std::string& title, const std::string& out);

}  // namespace signvote::ctl
