#include "tests/bench/decode_federation.h"

namespace signvote {
namespace {

OwnedBallot MakeBallot(VoterId voter, uint64_t block, uint64_t size, const StripeDraw& draw) {
  OwnedBallot ballot{voter, {}, {}, {}};
  if (draw.k > 1) ballot.stripes = VotedStripes(draw, block, size);
  size_t voted = 0;
  for (uint64_t w = 0; w < WordsFor(size); ++w) {
    if (draw.k > 1) {
      const uint64_t stripe = w / kWordsPerStripe;
      while (voted < ballot.stripes.size() && ballot.stripes[voted] < stripe) ++voted;
      if (voted == ballot.stripes.size() || ballot.stripes[voted] != stripe) continue;
    }
    const uint64_t truth = Mix(block << 32 | w);
    const uint64_t noise = Mix(voter << 40 | w), more = Mix(noise);
    uint64_t word = truth ^ (voter % 3 == 0 ? noise & more : noise & (more | Mix(more)));
    const uint64_t left = size - w * 64;
    if (left < 64) word &= (uint64_t{1} << left) - 1;
    ballot.signs.push_back(word);
  }
  return ballot;
}

}  // namespace

DecodeFederation::DecodeFederation(size_t voters, uint64_t parameters, uint32_t k, uint32_t cut)
    : range(BlockRange::All(parameters)), fraction(k), sections(cut), decisions(range.count) {
  for (size_t m = 0; m < voters; ++m) electorate.push_back(m);
  for (size_t draw = 0; draw < (k > 1 ? kDraws : 1); ++draw) {
    ballots[draw].resize(range.count);
    for (uint64_t block = 0; block < range.count; ++block) {
      for (const VoterId voter : electorate) {
        ballots[draw][block].push_back(MakeBallot(voter, block, range.Size(block), {1, voter, draw, k}));
      }
      views[draw].push_back(Views(ballots[draw][block]));
    }
  }
}

BlockShape DecodeFederation::Shape(uint64_t block) const {
  BlockShape shape{block, range.Size(block), {}};
  const uint64_t stripes = StripesFor(shape.coordinates);
  for (uint64_t i = 0; i < sections; ++i) shape.sections.push_back(static_cast<uint32_t>(stripes * i / sections));
  return shape;
}

void DecodeFederation::Use(const VoteOptions& options) {
  rules.clear();
  for (uint64_t block = 0; block < range.count; ++block) rules.push_back(MakeRule(options, Shape(block)));
  round = 0;
  for (int i = 0; i < 3; ++i) Round();
}

void DecodeFederation::Round(ThreadPool* pool) {
  const auto& of_round = views[fraction > 1 ? round % kDraws : 0];
  ++round;
  const auto decode = [&](size_t block) {
    rules[block]->Decode(round, of_round[block], electorate, &decisions[block]);
  };
  if (pool != nullptr) return pool->ParallelFor(range.count, decode);
  for (uint64_t block = 0; block < range.count; ++block) decode(block);
}

}  // namespace signvote
