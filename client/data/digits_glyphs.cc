#include "client/data/digits_glyphs.h"

#include <array>
#include <cmath>
#include <numbers>

namespace signvote {
namespace {

using Strokes = std::vector<Segment>;

void Line(Strokes* strokes, Point from, Point to) { strokes->push_back({from, to}); }

// An arc of the ellipse around `centre`, from one angle to another in turns; 0 is to the right, 0.25 down.
void Arc(Strokes* strokes, Point centre, Point radius, double begin, double end) {
  const int pieces = std::max(2, static_cast<int>(std::ceil(std::abs(end - begin) * 12)));
  const auto at = [&](int i) {
    const double angle = 2 * std::numbers::pi * (begin + (end - begin) * i / pieces);
    return Point{centre.x + radius.x * std::cos(angle), centre.y + radius.y * std::sin(angle)};
  };
  for (int i = 0; i < pieces; ++i) Line(strokes, at(i), at(i + 1));
}

std::array<Strokes, 10> DrawAll() {
  std::array<Strokes, 10> g;
  Arc(&g[0], {.5, .5}, {.3, .45}, 0, 1);
  Line(&g[1], {.52, .05}, {.52, .95});
  Line(&g[1], {.52, .05}, {.34, .25});
  Arc(&g[2], {.5, .3}, {.28, .25}, -.45, .12);
  Line(&g[2], {.7, .47}, {.2, .95});
  Line(&g[2], {.2, .95}, {.8, .95});
  Arc(&g[3], {.47, .28}, {.28, .23}, -.4, .25);
  Arc(&g[3], {.47, .72}, {.31, .23}, -.25, .4);
  Line(&g[4], {.62, .05}, {.18, .65});
  Line(&g[4], {.18, .65}, {.85, .65});
  Line(&g[4], {.62, .05}, {.62, .95});
  Line(&g[5], {.75, .05}, {.28, .05});
  Line(&g[5], {.28, .05}, {.25, .45});
  Arc(&g[5], {.45, .67}, {.32, .28}, -.35, .38);
  Arc(&g[6], {.5, .68}, {.29, .27}, 0, 1);
  Arc(&g[6], {.7, .66}, {.49, .62}, .5, .72);
  Line(&g[7], {.18, .05}, {.82, .05});
  Line(&g[7], {.82, .05}, {.4, .95});
  Arc(&g[8], {.5, .27}, {.24, .22}, 0, 1);
  Arc(&g[8], {.5, .72}, {.3, .23}, 0, 1);
  Arc(&g[9], {.5, .3}, {.27, .25}, 0, 1);
  Line(&g[9], {.77, .3}, {.64, .95});
  return g;
}

}  // namespace

const std::vector<Segment>& Glyph(int digit) {
  static const std::array<Strokes, 10> glyphs = DrawAll();
  return glyphs[static_cast<size_t>(digit)];
}

}  // namespace signvote
