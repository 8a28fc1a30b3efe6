#include "client/data/csv_rows.h"

#include <absl/strings/ascii.h>

#include "common/status.h"

namespace signvote {

CsvRows::CsvRows(std::string file, std::string_view text, char separator)
    : file_(std::move(file)), text_(text), separator_(separator) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
}

std::string CsvRows::Where() const { return fmt::format("{}:{}", file_, row_line_); }

bool CsvRows::AtEndOfRow() const {
  return at_ == text_.size() || text_[at_] == '\n' || (text_[at_] == '\r' && text_.substr(at_, 2) == "\r\n");
}

void CsvRows::SkipNewline() {
  if (at_ == text_.size()) return;
  at_ += text_[at_] == '\r' ? 2 : 1;
  ++line_;
}

absl::StatusOr<std::string> CsvRows::Quoted() {
  std::string value;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      ++at_;
      if (at_ == text_.size() || text_[at_] != '"') return value;
    }
    line_ += text_[at_] == '\n';
    value += text_[at_];
  }
  return InvalidArgument("{}: a quote is opened and never closed", Where());
}

absl::StatusOr<std::string> CsvRows::Field() {
  if (!AtEndOfRow() && text_[at_] == '"') {
    ASSIGN_OR_RETURN(std::string value, Quoted());
    if (AtEndOfRow() || text_[at_] == separator_) return value;
    return InvalidArgument("{}: \"{}\" after a closing quote, expected \"{}\" or the end of the line", Where(),
                           text_[at_], separator_);
  }
  const size_t begin = at_;
  while (!AtEndOfRow() && text_[at_] != separator_) ++at_;
  std::string value(text_.substr(begin, at_ - begin));
  absl::StripAsciiWhitespace(&value);
  return value;
}

absl::StatusOr<bool> CsvRows::Next(std::vector<std::string>* fields) {
  fields->clear();
  while (at_ < text_.size() && AtEndOfRow()) SkipNewline();
  if (at_ == text_.size()) return false;
  row_line_ = line_;
  while (true) {
    ASSIGN_OR_RETURN(fields->emplace_back(), Field());
    if (AtEndOfRow()) break;
    ++at_;  // the separator
  }
  SkipNewline();
  return true;
}

}  // namespace signvote
