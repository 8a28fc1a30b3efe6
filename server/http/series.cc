#include "server/http/series.h"

#include <algorithm>

namespace signvote {
namespace {

Json RowOf(std::span<const v1::RoundSummary> neighbours) {
  const v1::RoundSummary& last = neighbours.back();
  double ballots = 0, up = 0, down = 0, collect = 0, decode = 0, journal = 0;
  const double share = 1 / static_cast<double>(neighbours.size());
  for (const v1::RoundSummary& round : neighbours) {
    ballots += share * round.ballots();
    up += share * static_cast<double>(round.bytes_up());
    down += share * static_cast<double>(round.bytes_down());
    collect += share * round.times().collect_seconds();
    decode += share * round.times().decode_seconds();
    journal += share * round.times().journal_seconds();
  }
  return Json::array({last.round(), ballots, ShortestDouble(last.step()), last.trust(), up, down, collect, decode,
                      journal, last.seconds()});
}

}  // namespace

Json SeriesOf(std::span<const v1::RoundSummary> rounds, size_t points) {
  Json series;
  series["columns"] = {"round",      "ballots",         "step",           "trust",           "bytes_up",
                       "bytes_down", "collect_seconds", "decode_seconds", "journal_seconds", "seconds"};
  Json& rows = series["rounds"] = Json::array();
  const size_t stride = std::max<size_t>(1, (rounds.size() + points - 1) / points);
  for (size_t at = 0; at < rounds.size(); at += stride) {
    rows.push_back(RowOf(rounds.subspan(at, std::min(stride, rounds.size() - at))));
  }
  std::vector<const v1::RoundSummary*> measured;
  for (const v1::RoundSummary& round : rounds) {
    if (round.has_loss()) measured.push_back(&round);
  }
  Json& evaluations = series["evaluations"] = Json::array();
  const size_t skip = std::max<size_t>(1, (measured.size() + points - 1) / points);
  for (size_t i = 0; i < measured.size(); ++i) {
    if ((measured.size() - 1 - i) % skip != 0) continue;
    evaluations.push_back({measured[i]->round(), measured[i]->has_accuracy() ? Json(measured[i]->accuracy()) : Json(),
                           measured[i]->loss()});
  }
  return series;
}

}  // namespace signvote
