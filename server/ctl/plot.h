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

// What gnuplot reads: the points are part of it, so it refers to no other file than `out`. Pure.
std::string PlotScript(const std::vector<Curve>& curves, const std::string& title, const std::string& out);

}  // namespace signvote::ctl
