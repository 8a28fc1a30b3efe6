// Who agrees with whom, and who is wrong where. Computed beside the rounds: core_mu_ is taken anew for every voter and
// block, or stretch of coordinates, so that a closing never waits for more than one of them.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "server/service/diagnosis.h"
#include "server/service/federation.h"

namespace signvote {
namespace {

constexpr size_t kPanel = 64;                 // voters shown, as many as a rule compares with each other
constexpr uint64_t kStretches = 16;           // of a tensor, evenly spread ...
constexpr uint64_t kStretchCoordinates = 64;  // ... and so long, are its sample

// Mean of the pairs over blocks, by their coordinates; pairs of voters of the first block that compares any.
class MeanAgreement {
 public:
  void Add(const std::vector<VoterId>& voters, const std::vector<double>& matrix, double coordinates) {
    if (voters.empty()) return;
    if (voters_.empty()) {
      voters_ = voters;
      sums_.resize(voters.size() * voters.size());
      weights_.resize(sums_.size());
    }
    std::vector<int64_t> place;
    for (const VoterId voter : voters) {
      const auto at = std::lower_bound(voters_.begin(), voters_.end(), voter);
      place.push_back(at != voters_.end() && *at == voter ? at - voters_.begin() : -1);
    }
    for (size_t i = 0; i < voters.size(); ++i) {
      for (size_t j = 0; j < voters.size(); ++j) {
        const double x = matrix[i * voters.size() + j];
        if (place[i] < 0 || place[j] < 0 || std::isnan(x)) continue;
        const size_t at = static_cast<size_t>(place[i]) * voters_.size() + static_cast<size_t>(place[j]);
        sums_[at] += coordinates * x;
        weights_[at] += coordinates;
      }
    }
  }

  const std::vector<VoterId>& voters() const { return voters_; }
  // NaN where no block knows.
  double Of(size_t i, size_t j) const { return sums_[i * voters_.size() + j] / weights_[i * voters_.size() + j]; }

 private:
  std::vector<VoterId> voters_;
  std::vector<double> sums_, weights_;
};

// NaN when it is not measured.
double Mean(const std::vector<float>& sample) {
  return std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
}

}  // namespace

VoterView Federation::ViewOf(std::span<const VoterReport> reports, const std::string& name) const {
  VoterView view{.name = name};
  double coordinates = 0;
  for (size_t i = 0; i < reports.size(); ++i) {
    const VoterReport& report = reports[i];
    const double size = static_cast<double>(range_.Size(range_.first + i));
    coordinates += size;
    view.rounds = std::max(view.rounds, report.rounds);
    view.crossover += size * report.crossover;
    view.weight += size * report.mean_weight;
    view.different |= report.different;
    view.against += size * report.against;
  }
  view.crossover /= coordinates;
  view.weight /= coordinates;
  view.against /= coordinates;
  return view;
}

std::vector<Federation::TensorRange> Federation::TensorsHere() const {
  std::vector<TensorRange> found;
  const uint64_t first = range_.FirstCoordinate(), last = first + range_.Coordinates();
  uint64_t begin = 0;
  for (const TensorShape& tensor : bundle_.parameters.tensors) {
    const uint64_t end = begin + tensor.Coordinates();
    const TensorRange here{tensor.name, std::max(begin, first), std::min(end, last)};
    if (here.begin < here.end) found.push_back(here);
    begin = end;
  }
  return found;
}

std::vector<VoterReport> Federation::ReportsOn(VoterId voter) {
  std::vector<VoterReport> reports;
  for (uint64_t i = 0; i < range_.count; ++i) {
    CoreLock core(this);
    reports.push_back(tally_.rule(range_.first + i).Report(voter));
  }
  return reports;
}

Federation::Sample Federation::SampleOf(VoterId voter, const TensorRange& tensor) {
  const uint64_t stride = std::max(kStretchCoordinates, (tensor.end - tensor.begin + kStretches - 1) / kStretches);
  Sample sample;
  std::vector<float> crossover, weight;
  for (uint64_t at = tensor.begin; at < tensor.end; at += stride) {
    const uint64_t block = at / kBlockCoordinates;
    const uint64_t start = range_.Begin(block);
    const uint64_t stop = std::min({tensor.end, at + kStretchCoordinates, start + range_.Size(block)});
    {
      CoreLock core(this);
      tally_.rule(block).PerCoordinate(voter, at - start, stop - start, &crossover, &weight);
    }
    sample.crossovers.insert(sample.crossovers.end(), crossover.begin(), crossover.end());
    sample.weights.insert(sample.weights.end(), weight.begin(), weight.end());
  }
  return sample;
}

struct Federation::Examination {
  uint64_t round = 0;
  double trust = 0;
  BlockRange range;
  bool compared = false;       // the rule compares voters with each other
  std::vector<VoterId> shown;  // ascending; the following belong to them
  std::vector<VoterView> views;
  std::vector<Diagnosis> found;
  std::vector<double> matrix;  // agreement, row by row; empty unless compared
};

Federation::Examination Federation::Examine() {
  Examination seen;
  std::map<VoterId, std::string> names;  // of voters that may be shown
  BlockRange& range = seen.range;
  {
    MutexLock lock(mu_);
    range = broadcast_.range;
    for (const auto& [name, client] : registry_.clients()) {
      if (client.role == v1::VOTER && !client.evicted && client.rounds_counted > 0) names.emplace(client.id, name);
    }
  }
  MeanAgreement agreement;
  for (uint64_t block = range.first; block < range.first + range.count; ++block) {
    std::vector<VoterId> voters;
    std::vector<double> matrix;
    CoreLock core(this);
    tally_.rule(block).Agreement(&voters, &matrix);
    agreement.Add(voters, matrix, static_cast<double>(range.Size(block)));
    seen.trust += tally_.rule(block).Report(0).trust / static_cast<double>(range.count);
    seen.round = tally_.round();
  }

  std::vector<VoterId>& shown = seen.shown;
  std::vector<size_t> place;  // in `agreement`
  for (size_t i = 0; i < agreement.voters().size(); ++i) {
    if (!names.contains(agreement.voters()[i])) continue;
    shown.push_back(agreement.voters()[i]);
    place.push_back(i);
  }
  const bool compared = seen.compared = !agreement.voters().empty();
  for (auto voter = names.begin(); !compared && voter != names.end() && shown.size() < kPanel; ++voter) {
    shown.push_back(voter->first);
  }
  const size_t m = shown.size();
  for (size_t i = 0; compared && i < m; ++i) {
    for (size_t j = 0; j < m; ++j) seen.matrix.push_back(agreement.Of(place[i], place[j]));
  }

  for (const VoterId voter : shown) seen.views.push_back(ViewOf(ReportsOn(voter), names[voter]));
  seen.found = Diagnose(seen.views, seen.matrix);
  return seen;
}

void Federation::AddAbstainers(std::map<std::string, Diagnosis>* found) const {
  for (const auto& [name, client] : registry_.clients()) {
    if (client.MostlyAbstains()) {
      Diagnosis& diagnosis = (*found)[name];
      diagnosis.suspicion = v1::ABSTAINS;
      diagnosis.explanation = fmt::format(
          "{} abstains: {} of its last {} ballots say nothing on any coordinate, as its gradient is not finite, or 0 "
          "throughout. Look at its log and its data.",
          name, client.RecentAbstentions(), Client::kRecent);
    } else if (suspicions_.Of(name).suspicion == v1::ABSTAINS) {
      found->try_emplace(name);  // also where it is not compared with others
    }
  }
}

void Federation::LookForSuspects() {
  {
    MutexLock lock(mu_);
    if (std::exchange(examined_, broadcast_.closed) == broadcast_.closed) return;
  }
  const Examination seen = Examine();
  std::map<std::string, Diagnosis> found;
  for (size_t i = 0; i < seen.views.size(); ++i) found[seen.views[i].name] = seen.found[i];
  MutexLock lock(mu_);
  AddAbstainers(&found);
  for (const Suspicions::Change& change : suspicions_.Look(found)) {
    const bool suspected = change.now.suspicion != v1::NO_SUSPICION;
    if (suspected) {
      Note(v1::SUSPECTED, change.name, change.now.explanation);
      spdlog::warn("{}", change.now.explanation);
    } else {
      std::string why = "is suspected no longer";
      if (!std::isnan(change.now.mu)) why += fmt::format(", its crossover is {:.4f}", (1 - change.now.mu) / 2);
      Note(v1::CLEARED, change.name, why);
      spdlog::info("{} {}", change.name, why);
    }
  }
}

v1::ReliabilityReport Federation::Reliability() {
  Examination seen = Examine();
  const size_t m = seen.shown.size();
  v1::ReliabilityReport report;
  report.set_round(seen.round);
  report.set_trust(seen.trust);
  const std::vector<TensorRange> tensors = TensorsHere();
  for (const TensorRange& tensor : tensors) report.add_tensors(tensor.name);
  std::vector<std::vector<double>> crossovers;
  for (const VoterId voter : seen.shown) {
    std::vector<double>& row = crossovers.emplace_back();
    for (const TensorRange& tensor : tensors) row.push_back(Mean(SampleOf(voter, tensor).crossovers));
  }

  std::vector<size_t> order(m);
  std::iota(order.begin(), order.end(), 0);
  if (seen.compared) {
    order = OrderByLikeness(seen.matrix, m);
  } else {
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return seen.views[a].name < seen.views[b].name; });
  }
  {
    // What was told holds until it is cleared, whatever this look alone would say.
    MutexLock lock(mu_);
    for (size_t i = 0; i < m; ++i) {
      const Diagnosis& told = suspicions_.Of(seen.views[i].name);
      if (told.suspicion != v1::NO_SUSPICION) seen.found[i] = told;
    }
  }
  for (const size_t i : order) {
    v1::VoterReliability& voter = *report.add_voters();
    voter.set_name(seen.views[i].name);
    voter.set_crossover(seen.views[i].crossover);
    voter.set_weight(seen.views[i].weight);
    voter.set_different(seen.views[i].different);
    voter.set_suspicion(seen.found[i].suspicion);
    voter.set_explanation(seen.found[i].explanation);
    for (size_t k = 0; seen.compared && k < m; ++k) voter.add_agreement(seen.matrix[i * m + order[k]]);
    for (const double crossover : crossovers[i]) voter.add_crossovers(crossover);
  }
  return report;
}

}  // namespace signvote
