#include "server/vote/ballot_tiles.h"

#include <algorithm>
#include <numeric>

namespace signvote {
namespace {

// From how many planes on a tile is copied, and how many words are no longer near.
constexpr size_t kManyPlanes = 32;
constexpr uint64_t kNearWords = 1 << 16;

}  // namespace

BallotTiles::BallotTiles(std::span<const Ballot> ballots, const BlockShape& shape, uint64_t stripes)
    : ballots_(ballots),
      words_in_block_(WordsFor(shape.coordinates)),
      stripes_in_block_(StripesFor(shape.coordinates)),
      sections_(shape.sections) {
  size_t planes = 0;
  for (uint32_t i = 0; i < ballots.size(); ++i) {
    if (ballots[i].stripes.empty()) whole_.push_back(i);
    planes += ballots[i].zeros.empty() ? 1 : 2;
  }
  const bool sparse = whole_.size() < ballots.size();
  tile_stripes_ = sparse ? 1 : stripes;
  if (sparse) ListParts();
  copies_ = planes >= kManyPlanes && planes * tile_stripes_ * kWordsPerStripe <= kNearWords && !sparse;
  near_.resize(planes * (copies_ ? tile_stripes_ + 1 : 1) * kWordsPerStripe);
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
  while (section_ + 1 < sections_.size() && sections_[section_ + 1] <= stripe_) ++section_;
  if (section_ + 1 < sections_.size()) count_ = std::min(count_, sections_[section_ + 1] - stripe_);
  votes_.clear();
  near_used_ = 0;
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
  const uint64_t* signs = Near(b.signs.data() + plane_word);
  const uint64_t* zeros = b.zeros.empty() ? nullptr : Near(b.zeros.data() + plane_word);
  votes_.push_back({static_cast<uint32_t>(ballot), signs, zeros});
}

const uint64_t* BallotTiles::Near(const uint64_t* plane) {
  const uint64_t present = std::min(words(), words_in_block_ - first_word());
  if (present == words() && !copies_) return plane;
  uint64_t* near = near_.data() + near_used_;
  // A line is left free: a cache holds few lines that lie a power of two apart.
  near_used_ += words() + (copies_ ? kWordsPerStripe : 0);
  std::fill(std::copy_n(plane, present, near), near + words(), 0);
  return near;
}

}  // namespace signvote
