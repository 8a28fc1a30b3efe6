#include "server/vote/ballot_tiles.h"

#include <algorithm>

namespace signvote {

BallotTiles::BallotTiles(std::span<const Ballot> ballots, uint64_t coordinates, uint64_t stripes)
    : ballots_(ballots),
      words_in_block_(WordsFor(coordinates)),
      stripes_in_block_(StripesFor(coordinates)),
      cursor_(ballots.size(), 0) {
  const bool sparse = std::any_of(ballots.begin(), ballots.end(), [](const Ballot& b) { return !b.stripes.empty(); });
  tile_stripes_ = sparse ? 1 : stripes;
  votes_.reserve(ballots.size());
}

bool BallotTiles::Next() {
  stripe_ += count_;
  count_ = 0;
  if (stripe_ >= stripes_in_block_) return false;
  const uint64_t whole = words_in_block_ / kWordsPerStripe;  // stripes that need no padding
  count_ = stripe_ < whole ? std::min(tile_stripes_, whole - stripe_) : 1;
  if (stripe_ >= whole) padded_.assign(ballots_.size() * 2 * kWordsPerStripe, 0);
  votes_.clear();
  for (size_t i = 0; i < ballots_.size(); ++i) {
    const std::span<const uint32_t> stripes = ballots_[i].stripes;
    if (stripes.empty()) {
      Add(i, first_word());
    } else if (cursor_[i] < stripes.size() && stripes[cursor_[i]] == stripe_) {
      Add(i, cursor_[i]++ * kWordsPerStripe);
    }
  }
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
