#include "server/vote/decision_writer.h"

#include <algorithm>

#include "common/blocks.h"

namespace signvote {

DecisionWriter::DecisionWriter(SignVector* decision, uint64_t coordinates)
    : decision_(decision), coordinates_(coordinates) {
  const uint64_t words = StripesFor(coordinates) * kWordsPerStripe;
  decision_->signs.resize(words);
  decision_->zeros.resize(words);
}

void DecisionWriter::Finish() {
  const uint64_t words = WordsFor(coordinates_);
  decision_->signs.resize(words);
  decision_->zeros.resize(words);
  if (coordinates_ % 64 != 0) {
    const uint64_t used = (uint64_t{1} << (coordinates_ % 64)) - 1;
    decision_->signs.back() &= used;
    decision_->zeros.back() &= used;
  }
  const auto& zeros = decision_->zeros;
  if (std::all_of(zeros.begin(), zeros.end(), [](uint64_t w) { return w == 0; })) decision_->zeros.clear();
}

}  // namespace signvote
