// Numbers and tables for people. All functions are pure; text is UTF-8 and every character counts one column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace signvote::ctl {

// "0 B", "999 B", "72.8 kB", "2.33 MB": powers of 1000, three digits. Negative or not finite: "-".
std::string FormatBytes(double bytes);

// "450 us", "85 ms", "2.4 s", "45 s", "3 m 05 s", "1 h 02 m", "2 d 03 h". Negative or not finite: "-".
std::string FormatDuration(double seconds);

// "12,345,678".
std::string FormatCount(uint64_t count);

// "96.42 %" of 0.9642; not finite: "-".
std::string FormatPercent(double fraction);

// Shortest of fixed notation with `digits` decimals; not finite: "-".
std::string FormatReal(double value, int digits);

// "[#######-------]" with `width` characters between the brackets; full when total is 0.
std::string ProgressBar(uint64_t done, uint64_t total, int width);

// Columns that a UTF-8 text takes, and its first `columns` of them.
size_t Columns(std::string_view text);
std::string Truncate(std::string_view text, size_t columns);

// Without control characters, which would speak to a terminal.
std::string Printable(std::string text);

// A table whose columns are as wide as their widest cell, two spaces apart, without spaces at the end of a line.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kRight;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // Cells that are missing at the end are empty; there are never more than columns.
  void Add(std::vector<std::string> cells);
  std::string Render() const;

 private:
  std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace signvote::ctl
