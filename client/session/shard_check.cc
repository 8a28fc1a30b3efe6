#include "client/session/shard_check.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "common/blocks.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

template <typename... Args>
absl::Status Refuse(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kFailedPrecondition, "the shards are not of one run: {}",
               fmt::format(format, std::forward<Args>(args)...));
}

std::string_view TakeWord(std::string_view* text) {
  const std::string_view word = text->substr(0, text->find(' '));
  text->remove_prefix(std::min(text->size(), word.size() + 1));
  return word;
}

absl::Status CheckTerms(const ShardWelcome& one, const ShardWelcome& other) {
  std::string_view a = one.welcome->config().terms(), b = other.welcome->config().terms();
  while (!a.empty() || !b.empty()) {
    const std::string_view in_a = TakeWord(&a), in_b = TakeWord(&b);
    if (in_a != in_b) return Refuse("{} has {}, {} has {}", one.address, in_a, other.address, in_b);
  }
  return absl::OkStatus();
}

bool HaveSameTensors(const v1::Welcome& one, const v1::Welcome& other) {
  const auto same = [](const v1::Tensor& a, const v1::Tensor& b) {
    return a.name() == b.name() && std::equal(a.shape().begin(), a.shape().end(), b.shape().begin(), b.shape().end());
  };
  return std::equal(one.tensors().begin(), one.tensors().end(), other.tensors().begin(), other.tensors().end(), same);
}

absl::Status CheckPair(const ShardWelcome& one, const ShardWelcome& other) {
  const v1::Welcome &a = *one.welcome, &b = *other.welcome;
  if (a.config().parameters() != b.config().parameters()) {
    return Refuse("{} speaks of {} parameters, {} of {}", one.address, a.config().parameters(), other.address,
                  b.config().parameters());
  }
  if (a.model_sha256() != b.model_sha256()) {
    return Refuse("the model.pt of {} has SHA-256 {}, that of {} has {}", one.address, Hex(a.model_sha256()),
                  other.address, Hex(b.model_sha256()));
  }
  if (!HaveSameTensors(a, b)) return Refuse("the tensors of {} and {} differ", one.address, other.address);
  return CheckTerms(one, other);
}

absl::Status CheckRanges(std::span<const ShardWelcome> shards) {
  struct Held {
    uint64_t first, count;
    const std::string* address;
  };
  std::vector<Held> held;
  uint64_t parameters = 0;
  for (const ShardWelcome& shard : shards) {
    if (shard.welcome == nullptr) continue;
    const v1::RunConfig& config = shard.welcome->config();
    held.push_back({config.first_block(), config.blocks(), &shard.address});
    parameters = config.parameters();
  }
  std::sort(held.begin(), held.end(), [](const Held& a, const Held& b) { return a.first < b.first; });
  const bool is_whole = held.size() == shards.size();
  uint64_t next = 0;
  for (size_t i = 0; i < held.size(); ++i) {
    if (held[i].first < next) {
      return Refuse("{} and {} both hold block {}: give each a shard.index of its own", *held[i - 1].address,
                    *held[i].address, held[i].first);
    }
    if (is_whole && held[i].first > next) break;
    next = held[i].first + held[i].count;
  }
  const uint64_t blocks = BlockRange::All(parameters).count;
  if (is_whole && next < blocks) {
    return Refuse(
        "none of the {} servers in `shards` holds block {} of {}: name all shards, and give all the same "
        "shard.count",
        shards.size(), next, blocks);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckShards(std::span<const ShardWelcome> shards) {
  const ShardWelcome* first = nullptr;
  for (const ShardWelcome& shard : shards) {
    if (shard.welcome == nullptr) continue;
    if (first != nullptr) RETURN_IF_ERROR(CheckPair(*first, shard));
    if (first == nullptr) first = &shard;
  }
  return CheckRanges(shards);
}

}  // namespace signvote
