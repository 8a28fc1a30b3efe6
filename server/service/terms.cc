#include "server/service/terms.h"

#include <fmt/format.h>

#include "server/store/round_config.h"

namespace signvote {

std::string TermsOf(const ServerOptions& options, const Fingerprint& initial) {
  const RoundConfig config{options.vote, options.dither, options.fraction, options.seed};
  return fmt::format(
      "{} local_steps={} local_step_size={} privacy.flip_probability={} step.size={} step.schedule={} "
      "step.weight_decay={} rounds.total={} initial={}",
      Canonical(config), options.local_steps, options.local_step_size, options.flip_probability, options.step.size,
      options.step.schedule, options.step.weight_decay, options.rounds.total, initial.Hex());
}

}  // namespace signvote
