// Rows as they come, one line of JSON each, into a table on standard output and an array in a file.
//
// usage: bench_table FILE < rows
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace signvote {
namespace {

std::string Met(const nlohmann::json& met) { return met.is_null() ? "" : met.get<bool>() ? "yes" : "no"; }

void PrintRow(const nlohmann::ordered_json& row) {
  const double ratio = row["ratio"];
  fmt::print("{:<82} {:>10.4g} {:<9} {:>10.4g} {:>8} {:>8} {:>4}\n", row["row"].get<std::string>(),
             row["measured"].get<double>(), row["unit"].get<std::string>(), row["reference"].get<double>(),
             ratio == 0 ? "" : fmt::format("{:.3f}", ratio),
             row["reach"].is_null() ? "" : row["reach"].get<std::string>(), Met(row["met"]));
  std::fflush(stdout);
}

int Main(const char* path) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  fmt::print("{:<82} {:>10} {:<9} {:>10} {:>8} {:>8} {:>4}\n", "row", "measured", "unit", "reference", "ratio", "reach",
             "met");
  for (std::string line; std::getline(std::cin, line);) {
    const auto row = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!row.is_object()) {
      fmt::print(stderr, "bench_table: this is no row: {}\n", line);
      return 1;
    }
    PrintRow(row);
    rows.push_back(row);
  }
  std::ofstream file(path);
  file << rows.dump(1) << "\n";
  return file.good() ? 0 : 1;
}

}  // namespace
}  // namespace signvote

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: bench_table FILE < rows\n");
    return 2;
  }
  return signvote::Main(argv[1]);
}
