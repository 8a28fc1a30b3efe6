#include "server/vote/repeats.h"

#include <algorithm>
#include <bit>

#include "server/vote/agreement_panel.h"

namespace signvote {
namespace {

// A ballot is compared with the voter's last one on so much less than with others, but on so many words a section.
constexpr uint64_t kThinner = 16, kLeastWords = 8;

}  // namespace

Repeats::Repeats(const BlockShape& shape)
    : sections_(shape.sections.size()), words_in_block_(WordsFor(shape.coordinates)), ends_(sections_, 0) {}

StateSize Repeats::State(const StateShape& shape) {
  const uint64_t words = std::max(shape.blocks * SampleWords(shape.voters) / kThinner, shape.sections * kLeastWords);
  return {"samples of the last ballots", fmt::format("M*{}*16", words), shape.voters * words * 16};
}

void Repeats::Observe(std::span<const Ballot> ballots, const BallotSample& sample, const Kernels& kernels) {
  for (auto& [voter, kept] : kept_) {
    for (double& x : kept.sum) x *= kPairDecay;
    for (double& x : kept.weight) x *= kPairDecay;
  }
  for (size_t b = 0; b < ballots.size(); ++b) {
    const auto found = kept_.find(ballots[b].voter);
    if (found != kept_.end() && !found->second.signs.empty()) Compare(sample.before(), b, kernels, &found->second);
  }
  std::vector<size_t> chosen;  // of the sample's words
  ChooseWords(sample, &chosen);
  for (auto& [voter, kept] : kept_) {
    kept.signs.clear();
    kept.said.clear();
  }
  const VotesOnWords& votes = sample.votes();
  for (size_t b = 0; b < ballots.size(); ++b) {
    Kept& kept =
        kept_.try_emplace(ballots[b].voter, Kept{std::vector<double>(sections_), std::vector<double>(sections_)})
            .first->second;
    for (const size_t at : chosen) {
      kept.signs.push_back(votes.signs(b)[at]);
      kept.said.push_back(votes.said(b) == nullptr ? ~uint64_t{0} : votes.said(b)[at]);
    }
  }
  std::erase_if(kept_, [](const auto& entry) {
    const Kept& kept = entry.second;
    return kept.signs.empty() && std::ranges::all_of(kept.weight, [](double weight) { return weight < kKnownPair; });
  });
}

void Repeats::Compare(const VotesOnWords& votes, size_t ballot, const Kernels& kernels, Kept* kept) const {
  for (size_t section = 0, begin = 0; section < sections_; begin = ends_[section++]) {
    double all = 0;  // coordinates
    for (size_t word = begin; word < ends_[section]; ++word) all += std::popcount(votes.Exists(word));
    if (all == 0) continue;
    const uint64_t* said = votes.said(ballot);
    const PairCount count =
        kernels.count_pair(kept->signs.data() + begin, kept->said.data() + begin, votes.signs(ballot) + begin,
                           said == nullptr ? nullptr : said + begin, ends_[section] - begin);
    kept->sum[section] += (2.0 * count.agree - count.both) / all;
    kept->weight[section] += count.both / all;
  }
}

void Repeats::ChooseWords(const BallotSample& sample, std::vector<size_t>* chosen) {
  words_.clear();
  ends_.clear();
  for (size_t section = 0; section < sections_; ++section) {
    const uint64_t words = sample.words(section);
    const uint64_t stride = std::clamp<uint64_t>(words / kLeastWords, 1, kThinner);
    for (uint64_t at = 0; at < words; at += stride) chosen->push_back(sample.begin(section) + at);
    ends_.push_back(chosen->size());
  }
  for (const size_t at : *chosen) words_.push_back(sample.votes().words()[at]);
}

double Repeats::Agreement(VoterId voter, size_t section) const {
  const auto found = kept_.find(voter);
  if (found == kept_.end() || found->second.weight[section] < kKnownPair) return 0;
  return found->second.sum[section] / found->second.weight[section];
}

void Repeats::Save(StateWriter* writer) const {
  writer->PutArray(words_);
  writer->PutArray(ends_);
  writer->Put<uint64_t>(kept_.size());
  for (const auto& [voter, kept] : kept_) {
    writer->Put(voter);
    for (const auto* v : {&kept.sum, &kept.weight}) writer->PutArray(*v);
    for (const auto* v : {&kept.signs, &kept.said}) writer->PutArray(*v);
  }
}

void Repeats::Restore(StateReader* reader) {
  uint64_t voters = 0;
  reader->GetArray(&words_);
  reader->GetArray(&ends_);
  bool fits = reader->Get(&voters) && ends_.size() == sections_ && ends_.back() == words_.size() &&
              std::ranges::is_sorted(ends_) && std::ranges::is_sorted(words_) &&
              (words_.empty() || words_.back() < words_in_block_);
  for (uint64_t i = 0; fits && i < voters; ++i) {
    VoterId voter = 0;
    Kept kept;
    fits = reader->Get(&voter) && reader->GetArray(&kept.sum) && reader->GetArray(&kept.weight) &&
           reader->GetArray(&kept.signs) && reader->GetArray(&kept.said) && kept.sum.size() == sections_ &&
           kept.weight.size() == sections_ && kept.signs.size() == kept.said.size() &&
           (kept.signs.empty() || kept.signs.size() == words_.size());
    kept_[voter] = std::move(kept);
  }
  if (!fits) reader->Fail();
}

}  // namespace signvote
