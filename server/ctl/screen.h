// What `signvotectl watch` shows on a whole terminal. Pure.
#pragma once

#include <absl/time/time.h>

#include <string>
#include <vector>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote::ctl {

struct ScreenSize {
  size_t rows = 24;
  size_t columns = 80;
};

enum class Style { kPlain, kTitle, kHeading, kQuiet, kWarning, kBad };

struct ScreenLine {
  std::string text;
  Style style = Style::kPlain;
};

struct Scene {
  std::vector<std::string> servers;
  std::vector<v1::RunStatus> shards;  // in the order of `servers`; empty until all have answered
  v1::ListClientsResponse clients;
  std::vector<v1::Event> events;  // oldest first
  std::string problem;            // why what is shown is not what is; empty: it is
  size_t scroll = 0;              // clients above the first that is shown
};

// At most `size.rows` lines of at most `size.columns` characters: the run, shards if there are several, who is
// suspected, as many clients and events as fit. A scroll beyond the end shows the end.
std::vector<ScreenLine> RenderScreen(const Scene& scene, const ScreenSize& size, absl::Time now, absl::TimeZone zone);

}  // namespace signvote::ctl
