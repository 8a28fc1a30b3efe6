// One row of the benchmark: what was measured, beside its bound or rival measured in the same run, taking turns.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace signvote {

// What the ratio is hoped to be: at least or at most a bound; without one the row only reports.
struct Reach {
  enum class Kind { kReport, kAtLeast, kAtMost } kind = Kind::kReport;
  double bound = 0;
};
inline Reach AtLeast(double bound) { return {Reach::Kind::kAtLeast, bound}; }
inline Reach AtMost(double bound) { return {Reach::Kind::kAtMost, bound}; }

struct Row {
  std::string row;
  double measured = 0;
  std::string unit;
  double reference = 0;  // in the same unit; 0: there is none
  double ratio = 0;
  Reach reach;
};

// One line of JSON on standard output: {"row", "measured", "unit", "reference", "ratio", "reach", "met"}.
void Print(const Row& row);

// Rows are measured whose name contains this; set it once, at the start.
extern std::string wanted_rows;
bool Wanted(const std::string& row);

// Seconds that work takes, of this thread's processor time, or by the clock on the wall.
double CpuSeconds(const std::function<void()>& work);
double WallSeconds(const std::function<void()>& work);

double Median(std::vector<double> values);

struct Turns {
  double measured = 0, reference = 0;  // seconds, medians
  double quotient = 0;                 // median over the turns of reference / measured
};
Turns TakeTurns(int turns, const std::function<void()>& work, const std::function<void()>& reference,
                double (*seconds)(const std::function<void()>&) = CpuSeconds);

// Memory that a reference touches.
class Memory {
 public:
  explicit Memory(uint64_t bytes) : data_((bytes + 63) / 64) {}
  void ReadModifyWrite() { ReadModifyWrite(0, 1); }
  void Read() { Read(0, 1); }
  // The part `index` of `parts`.
  void ReadModifyWrite(size_t index, size_t parts);
  void Read(size_t index, size_t parts);

 private:
  using Wide = uint64_t __attribute__((vector_size(64)));
  std::vector<Wide> data_;
  volatile uint64_t sink_ = 0;
};

}  // namespace signvote
