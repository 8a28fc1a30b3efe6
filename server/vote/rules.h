// The rules that there are: each lives in a file of its own and is entered in the table of rule.cc.
#pragma once

#include <memory>

#include "server/vote/kernels.h"
#include "server/vote/rule.h"

namespace signvote {

std::unique_ptr<Rule> MakeMajority(const VoteOptions& options, BlockShape shape, const Kernels& kernels);
std::unique_ptr<Rule> MakeItSignSgd(const VoteOptions& options, BlockShape shape, const Kernels& kernels);
std::unique_ptr<Rule> MakeAgreement(const VoteOptions& options, BlockShape shape, const Kernels& kernels);

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
