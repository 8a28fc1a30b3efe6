#include "server/vote/rule.h"

#include "common/status.h"
#include "server/vote/rules.h"

namespace signvote {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Rule> (*make)(const VoteOptions&, BlockShape, const Kernels&);
  std::vector<StateSize> (*state)(const VoteOptions&, const StateShape&);
};

constexpr Entry kRules[] = {
#define SIGNVOTE_RULE_ENTRY(name, Name) {name, Make##Name, Name##State},
    SIGNVOTE_RULES(SIGNVOTE_RULE_ENTRY)
#undef SIGNVOTE_RULE_ENTRY
};

const Entry* Find(const std::string& name) {
  for (const Entry& entry : kRules) {
    if (name == entry.name) return &entry;
  }
  return nullptr;
}

absl::Status Range(const char* key, double value, bool fits, const char* expected) {
  return fits ? absl::OkStatus() : InvalidArgument("{} is {}, expected {}", key, value, expected);
}

}  // namespace

std::vector<std::string> RuleNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kRules) names.push_back(entry.name);
  return names;
}

absl::Status ValidateVoteOptions(const VoteOptions& o) {
  if (Find(o.rule) == nullptr) {
    return InvalidArgument("rule is \"{}\", expected one of: {}", o.rule, fmt::join(RuleNames(), ", "));
  }
  RETURN_IF_ERROR(Range("carry", o.carry, o.carry >= 0 && o.carry < 1, "at least 0 and below 1"));
  RETURN_IF_ERROR(Range("agreement.floor", o.floor, o.floor >= 0 && o.floor <= 1, "0 to 1"));
  RETURN_IF_ERROR(Range("it-signsgd.llr_clip", o.llr_clip, o.llr_clip > 0 && o.llr_clip <= 20, "above 0, at most 20"));
  RETURN_IF_ERROR(
      Range("it-signsgd.counter_bits", o.counter_bits, o.counter_bits == 8 || o.counter_bits == 16, "8 or 16"));
  RETURN_IF_ERROR(Range("it-signsgd.forget", o.forget, o.forget > 0 && o.forget <= 1, "above 0, at most 1"));
  return Range("it-signsgd.prior", o.prior, o.prior == 0 || (o.prior >= 1e-3 && o.prior <= 1e6), "0, or 0.001 to 1e6");
}

std::unique_ptr<Rule> MakeRule(const VoteOptions& options, BlockShape shape, Implementation implementation) {
  const Entry* entry = Find(options.rule);
  if (entry == nullptr) return nullptr;
  return entry->make(options, shape, implementation == Implementation::kFast ? FastKernels() : ReferenceKernels());
}

std::vector<StateSize> PlanState(const VoteOptions& options, const StateShape& shape) {
  return Find(options.rule)->state(options, shape);
}

void Rule::Agreement(std::vector<VoterId>* voters, std::vector<double>* matrix) const {
  voters->clear();
  matrix->clear();
}

}  // namespace signvote
