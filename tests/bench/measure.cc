#include "tests/bench/measure.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace signvote {
namespace {

double Since(clockid_t clock, const std::function<void()>& work) {
  const auto now = [clock] {
    timespec t;
    clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  const double start = now();
  work();
  return now() - start;
}

}  // namespace

std::string wanted_rows;

bool Wanted(const std::string& row) { return row.find(wanted_rows) != std::string::npos; }

void Print(const Row& row) {
  nlohmann::ordered_json json = {{"row", row.row},
                                 {"measured", row.measured},
                                 {"unit", row.unit},
                                 {"reference", row.reference},
                                 {"ratio", row.ratio}};
  const bool at_least = row.reach.kind == Reach::Kind::kAtLeast;
  if (row.reach.kind == Reach::Kind::kReport) {
    json["reach"] = json["met"] = nullptr;
  } else {
    json["reach"] = fmt::format("{} {}", at_least ? ">=" : "<=", row.reach.bound);
    json["met"] = at_least ? row.ratio >= row.reach.bound : row.ratio <= row.reach.bound;
  }
  fmt::print("{}\n", json.dump());
  std::fflush(stdout);
}

double CpuSeconds(const std::function<void()>& work) { return Since(CLOCK_THREAD_CPUTIME_ID, work); }
double WallSeconds(const std::function<void()>& work) { return Since(CLOCK_MONOTONIC, work); }

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Turns TakeTurns(int turns, const std::function<void()>& work, const std::function<void()>& reference,
                double (*seconds)(const std::function<void()>&)) {
  std::vector<double> measured, references, quotients;
  for (int i = 0; i < turns; ++i) {
    measured.push_back(seconds(work));
    references.push_back(seconds(reference));
    quotients.push_back(references.back() / measured.back());
  }
  return {Median(measured), Median(references), Median(quotients)};
}

void Memory::ReadModifyWrite(size_t index, size_t parts) {
  const Wide one = Wide{} + 1;
  const size_t end = data_.size() * (index + 1) / parts;
  for (size_t i = data_.size() * index / parts; i < end; ++i) data_[i] += one;
}

void Memory::Read(size_t index, size_t parts) {
  Wide a{}, b{};
  const size_t end = data_.size() * (index + 1) / parts;
  for (size_t i = data_.size() * index / parts; i + 2 <= end; i += 2) {
    a ^= data_[i];
    b ^= data_[i + 1];
  }
  a ^= b;
  sink_ = a[0];
}

}  // namespace signvote
