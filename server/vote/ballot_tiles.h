// The ballots of one block, cut into tiles of whole stripes: in a tile every listed voter voted on every coordinate
// (perhaps by abstaining). A block whose last stripe is short is padded with zero words, so kernels see whole stripes.
// Kernels go along many ballots at once, a line of each in turn: the slowest way through memory. Where ballots are many
// a tile is copied first, a run of each ballot after the other, to where it stays in cache.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/blocks.h"
#include "server/vote/rule.h"

namespace signvote {

struct TileVote {
  uint32_t ballot = 0;              // index into the ballots
  const uint64_t* signs = nullptr;  // of the tile's words
  const uint64_t* zeros = nullptr;  // nullptr: no abstention
};

class BallotTiles {
 public:
  // Tiles have at most `stripes` stripes, and one when any ballot has stripes of its own; each is in one section.
  // `ballots` must outlive this.
  BallotTiles(std::span<const Ballot> ballots, const BlockShape& shape, uint64_t stripes = 64);

  // Moves to the next tile; false after the last.
  bool Next();

  uint64_t first_stripe() const { return stripe_; }
  size_t section() const { return section_; }
  uint64_t stripes() const { return count_; }
  uint64_t first_word() const { return stripe_ * kWordsPerStripe; }
  uint64_t words() const { return count_ * kWordsPerStripe; }
  std::span<const TileVote> votes() const { return votes_; }  // ascending by voter

 private:
  // A ballot's part in one stripe.
  struct Part {
    uint32_t ballot = 0;
    uint32_t plane_word = 0;
  };

  void ListParts();
  void Add(size_t ballot, uint64_t plane_word);
  // The tile's words of a plane: where they are, or copied and padded.
  const uint64_t* Near(const uint64_t* plane);

  std::span<const Ballot> ballots_;
  uint64_t words_in_block_;
  uint64_t stripes_in_block_;
  uint64_t tile_stripes_;
  const std::vector<uint32_t> sections_;
  size_t section_ = 0;
  uint64_t stripe_ = 0;
  uint64_t count_ = 0;
  std::vector<uint32_t> whole_;       // ballots on every stripe, ascending
  std::vector<Part> parts_;           // of the others, by stripe, in each ascending by ballot
  std::vector<uint32_t> first_part_;  // by stripe, and the end; empty where all ballots are whole
  std::vector<TileVote> votes_;
  bool copies_ = false;
  std::vector<uint64_t> near_;  // copied planes of the tile, one after the other
  size_t near_used_ = 0;
};

}  // namespace signvote
