// Digits drawn from strokes with random shift, scale, rotation, slant, thickness and noise: the same data on every
// machine, without a file. Label of sample i: i mod 10.
#include <algorithm>
#include <cmath>

#include "client/data/digits_glyphs.h"
#include "client/data/formats.h"
#include "common/random.h"

namespace signvote {
namespace {

constexpr uint32_t kSide = 28;
constexpr size_t kTrainSamples = 10000;
constexpr size_t kTestSamples = 2000;

double Uniform(Random* random, double low, double high) { return low + (high - low) * random->Unit(); }

struct Pose {
  double cosine, sine, slant, scale_x, scale_y, shift_x, shift_y;

  explicit Pose(Random* random) {
    const double angle = Uniform(random, -0.22, 0.22);
    cosine = std::cos(angle);
    sine = std::sin(angle);
    slant = Uniform(random, -0.2, 0.2);
    scale_x = Uniform(random, 13, 20);
    scale_y = Uniform(random, 16, 21);
    shift_x = kSide / 2.0 + Uniform(random, -2, 2);
    shift_y = kSide / 2.0 + Uniform(random, -2, 2);
  }
  // From the unit square to pixels.
  Point operator()(Point p) const {
    const double y = (p.y - 0.5) * scale_y;
    const double x = (p.x - 0.5) * scale_x - slant * y;
    return {cosine * x - sine * y + shift_x, sine * x + cosine * y + shift_y};
  }
};

double DistanceTo(const Segment& s, Point p) {
  const Point along{s.to.x - s.from.x, s.to.y - s.from.y};
  const double length2 = along.x * along.x + along.y * along.y;
  const double t = std::clamp(((p.x - s.from.x) * along.x + (p.y - s.from.y) * along.y) / length2, 0.0, 1.0);
  const Point off{p.x - s.from.x - t * along.x, p.y - s.from.y - t * along.y};
  return std::sqrt(off.x * off.x + off.y * off.y);
}

// Adds a line of half-width `radius` with a soft edge of one pixel; visits only the pixels near it.
void DrawSegment(const Segment& s, double radius, std::span<double> ink) {
  const auto low = [&](double a, double b) { return std::max(0, static_cast<int>(std::min(a, b) - radius - 1)); };
  const auto high = [&](double a, double b) {
    return std::min(static_cast<int>(kSide) - 1, static_cast<int>(std::max(a, b) + radius + 1));
  };
  for (int y = low(s.from.y, s.to.y); y <= high(s.from.y, s.to.y); ++y) {
    for (int x = low(s.from.x, s.to.x); x <= high(s.from.x, s.to.x); ++x) {
      double& pixel = ink[static_cast<size_t>(y) * kSide + static_cast<size_t>(x)];
      pixel = std::max(pixel, std::clamp(radius + 0.5 - DistanceTo(s, {x + 0.5, y + 0.5}), 0.0, 1.0));
    }
  }
}

void DrawDigit(int digit, Random* random, std::span<uint8_t> image) {
  const Pose pose(random);
  const double radius = Uniform(random, 0.7, 1.7);
  std::vector<double> ink(image.size(), 0.0);
  for (const Segment& s : Glyph(digit)) DrawSegment({pose(s.from), pose(s.to)}, radius, ink);
  for (size_t i = 0; i < image.size(); ++i) {
    const double noise = Uniform(random, -0.12, 0.12);
    image[i] = static_cast<uint8_t>(255 * std::clamp(ink[i] + noise, 0.0, 1.0));
  }
}

Dataset Draw(Split split) {
  const bool train = split == Split::kTrain;
  Dataset dataset;
  dataset.source = train ? "digits (train)" : "digits (test)";
  dataset.inputs.shape = {1, kSide, kSide};
  dataset.classes = 10;
  dataset.mean = {0.16f};
  dataset.deviation = {0.3f};
  std::vector<int32_t> labels(train ? kTrainSamples : kTestSamples);
  std::vector<uint8_t> images(labels.size() * kSide * kSide);
  for (size_t i = 0; i < labels.size(); ++i) {
    Random random(Key(0, Purpose::kDigits, train ? 0 : 1, i));
    labels[i] = static_cast<int32_t>(i % 10);
    DrawDigit(labels[i], &random, std::span(images).subspan(i * kSide * kSide, kSide * kSide));
  }
  dataset.inputs.values = std::move(images);
  dataset.targets.values = std::move(labels);
  return dataset;
}

}  // namespace

// Takes data.path as the other formats do, and needs none.
DataSource formats::digits(ConfigReader* config) {
  std::string path;
  config->Read("data.path", &path);
  return [](Split split) { return Draw(split); };
}

}  // namespace signvote
