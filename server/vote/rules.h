// The rules that there are. A new one is a file that defines MakeNAME and NAMEState, and a line in SIGNVOTE_RULES.
#pragma once

#include <memory>
#include <vector>

#include "server/vote/kernels.h"
#include "server/vote/rule.h"

namespace signvote {

#define SIGNVOTE_RULES(RULE)    \
  RULE("majority", Majority)    \
  RULE("it-signsgd", ItSignSgd) \
  RULE("agreement", Agreement)

#define SIGNVOTE_DECLARE_RULE(name, Name)                                                                 \
  std::unique_ptr<Rule> Make##Name(const VoteOptions& options, BlockShape shape, const Kernels& kernels); \
  std::vector<StateSize> Name##State(const VoteOptions& options, const StateShape& shape);
SIGNVOTE_RULES(SIGNVOTE_DECLARE_RULE)
#undef SIGNVOTE_DECLARE_RULE

// Rule::CopyTo of a rule that is assignable.
template <class R>
bool CopyRule(const R& rule, std::unique_ptr<Rule>* copy) {
  if (*copy) {
    static_cast<R&>(**copy) = rule;
  } else {
    *copy = std::make_unique<R>(rule);
  }
  return true;
}

}  // namespace signvote
