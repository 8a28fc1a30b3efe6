#include "server/vote/ballot_tiles.h"

#include <algorithm>
#include <numeric>

namespace signvote {

BallotTiles::BallotTiles(std::span<const Ballot> ballots, uint64_t coordinates, uint64_t stripes)
    : ballots_(ballots), words_in_block_(WordsFor(coordinates)), stripes_in_block_(StripesFor(coordinates)) {
  for (uint32_t i = 0; i < ballots.size(); ++i) {
    if (ballots[i].stripes.empty()) whole_.push_back(i);
  }
  const bool sparse = whole_.size() < ballots.size();
  tile_stripes_ = sparse ? 1 : stripes;
  if (sparse) ListParts();
  votes_.reserve(ballots.size());
}

// A counting sort by stripe.
void BallotTiles::ListParts() {
  first_part_.assign(stripes_in_block_ + 1, 0);
  for (const Ballot& ballot : ballots_) {
    for (const uint32_t stripe : ballot.stripes) ++first_part_[stripe + 1];
  }
  std::partial_sum(first_part_.begin(), first_part_.end(), first_part_.begin());
  parts_.resize(first_part_.back());
  std::vector<uint32_t> next(first_part_.begin(), first_part_.end() - 1);
  for (uint32_t i = 0; i < ballots_.size(); ++i) {
    uint32_t word = 0;
    for (const uint32_t stripe : ballots_[i].stripes) {
      parts_[next[stripe]++] = {i, word};
      word += kWordsPerStripe;
    }
  }
}

bool BallotTiles::Next() {
  stripe_ += count_;
  count_ = 0;
  if (stripe_ >= stripes_in_block_) return false;
  const uint64_t whole = words_in_block_ / kWordsPerStripe;  // stripes that need no padding
  count_ = stripe_ < whole ? std::min(tile_stripes_, whole - stripe_) : 1;
  if (stripe_ >= whole) padded_.assign(ballots_.size() * 2 * kWordsPerStripe, 0);
  votes_.clear();
  size_t part = first_part_.empty() ? 0 : first_part_[stripe_];
  const size_t end = first_part_.empty() ? 0 : first_part_[stripe_ + 1];
  for (const uint32_t ballot : whole_) {
    for (; part < end && parts_[part].ballot < ballot; ++part) Add(parts_[part].ballot, parts_[part].plane_word);
    Add(ballot, first_word());
  }
  for (; part < end; ++part) Add(parts_[part].ballot, parts_[part].plane_word);
  return true;
}

void BallotTiles::Add(size_t ballot, uint64_t plane_word) {
  const Ballot& b = ballots_[ballot];
  TileVote vote{static_cast<uint32_t>(ballot), b.signs.data() + plane_word,
                b.zeros.empty() ? nullptr : b.zeros.data() + plane_word};
  if (first_word() + words() > words_in_block_) {
    uint64_t* pad = padded_.data() + ballot * 2 * kWordsPerStripe;
    const uint64_t present = words_in_block_ - first_word();
    std::copy_n(vote.signs, present, pad);
    vote.signs = pad;
    if (vote.zeros != nullptr) {
      std::copy_n(vote.zeros, present, pad + kWordsPerStripe);
      vote.zeros = pad + kWordsPerStripe;
    }
  }
  votes_.push_back(vote);
}

}  // namespace signvote
