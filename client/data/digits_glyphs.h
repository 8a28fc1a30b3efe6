// The ten digits as strokes in the unit square: x to the right, y down.
#pragma once

#include <vector>

namespace signvote {

struct Point {
  double x = 0;
  double y = 0;
};
struct Segment {
  Point from;
  Point to;
};

// The segments of digit 0 to 9; curves are cut into short straight pieces.
const std::vector<Segment>& Glyph(int digit);

}  // namespace signvote
