// YAML configurations of server and client: accepted, or refused in words; the same bytes always mean the same.
#include <sys/mman.h>
#include <unistd.h>

#include "client/options.h"
#include "common/status.h"
#include "server/service/options.h"
#include "server/store/round_config.h"
#include "tests/fuzz/fuzz_input.h"

using namespace signvote;

namespace {

// A file in memory, for functions that take a path.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : descriptor_(memfd_create("config.yaml", 0)) {
    FUZZ_CHECK(descriptor_ >= 0);
    FUZZ_CHECK(write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  const int descriptor_;
};

template <typename Options>
void CheckRefusal(const absl::StatusOr<Options>& options) {
  if (options.ok()) return;
  FUZZ_CHECK(absl::IsInvalidArgument(options.status()), Message(options.status()));
  FUZZ_CHECK(!Message(options.status()).empty());
}

}  // namespace

// input := server-or-client override? yaml
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  const uint8_t how = input.Byte();
  std::vector<std::string> overrides;
  if (how & 2) overrides.emplace_back(input.Text());
  const MemoryFile file(input.Rest());
  if (how & 1) {
    const auto options = LoadClientOptions(file.path(), overrides, "");
    CheckRefusal(options);
    if (!options.ok()) return 0;
    FUZZ_CHECK(!options->session.name.empty() && options->session.batch >= 1);
    FUZZ_CHECK(options->data.partition.index < options->data.partition.count);
    return 0;
  }
  const auto options = LoadServerOptions(file.path(), overrides);
  CheckRefusal(options);
  if (!options.ok()) return 0;
  FUZZ_CHECK(options->rounds.quorum >= 1 && options->rounds.total >= 1);
  FUZZ_CHECK(options->rounds.deadline > absl::ZeroDuration());
  FUZZ_CHECK(options->fraction >= 1 && options->fraction <= 16);
  // What decides a round goes into the journal as text, and comes back.
  const std::string canonical = Canonical({options->vote, options->dither, options->fraction, options->seed});
  const absl::StatusOr<RoundConfig> parsed = ParseCanonical(canonical);
  FUZZ_CHECK(parsed.ok(), Message(parsed.status()));
  FUZZ_CHECK(Canonical(*parsed) == canonical, canonical);
  return 0;
}
