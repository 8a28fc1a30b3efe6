// Rows of comma-separated values, after RFC 4180:
//   file := row (newline row)* newline?     row := field (separator field)*     newline := "\n" | "\r\n"
//   field := text | '"' (any but '"' | '""')* '"'
// Blanks around a plain field do not count; empty lines are skipped.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace signvote {

class CsvRows {
 public:
  // `text` outlives the rows; `file` is for messages.
  CsvRows(std::string file, std::string_view text, char separator);

  // The next row's fields; false: there is none. INVALID_ARGUMENT: a quote that does not close (names file and line).
  absl::StatusOr<bool> Next(std::vector<std::string>* fields);

  // "FILE:LINE" of the row that Next gave, for messages.
  std::string Where() const;

 private:
  absl::StatusOr<std::string> Field();
  absl::StatusOr<std::string> Quoted();
  bool AtEndOfRow() const;
  void SkipNewline();

  const std::string file_;
  const std::string_view text_;
  const char separator_;
  size_t at_ = 0;
  uint64_t line_ = 1;      // where at_ is
  uint64_t row_line_ = 1;  // where the row begins
};

}  // namespace signvote
