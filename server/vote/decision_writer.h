// The decision of a block while its tiles are decoded: planes padded to whole stripes, made canonical at the end.
#pragma once

#include <cstdint>

#include "common/sign_vector.h"

namespace signvote {

class DecisionWriter {
 public:
  // Reuses the memory of `decision`, which must outlive this.
  DecisionWriter(SignVector* decision, uint64_t coordinates);

  uint64_t* signs(uint64_t word) { return decision_->signs.data() + word; }
  uint64_t* zeros(uint64_t word) { return decision_->zeros.data() + word; }

  // Cuts the planes to the block and leaves the zeros plane out when it is empty.
  void Finish();

 private:
  SignVector* decision_;
  uint64_t coordinates_;
};

}  // namespace signvote
