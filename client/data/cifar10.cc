// CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html):
//   file := record*        record := label red{1024} green{1024} blue{1024}
#include "client/data/formats.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr size_t kPixels = 3 * 32 * 32;
constexpr size_t kRecord = 1 + kPixels;

absl::Status AppendFile(const std::string& path, Dataset* dataset) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    return InvalidArgument("{}: truncated or not CIFAR-10's binary format: {} bytes, expected a multiple of {}", path,
                           bytes.size(), kRecord);
  }
  for (size_t at = 0; at < bytes.size(); at += kRecord) {
    const auto label = static_cast<uint8_t>(bytes[at]);
    if (label > 9) {
      return InvalidArgument("{}: record {} has label {}, expected 0 to 9: not CIFAR-10's binary format", path,
                             at / kRecord, label);
    }
    dataset->labels.push_back(label);
    const auto* pixels = reinterpret_cast<const uint8_t*>(bytes.data()) + at + 1;
    dataset->images.insert(dataset->images.end(), pixels, pixels + kPixels);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> formats::cifar10(const std::string& path, Split split) {
  Dataset dataset;
  dataset.source = path;
  dataset.shape = {3, 32, 32};
  dataset.classes = 10;
  dataset.mean = {0.4914f, 0.4822f, 0.4465f};
  dataset.deviation = {0.247f, 0.243f, 0.262f};
  if (split == Split::kTest) {
    RETURN_IF_ERROR(AppendFile(path + "/test_batch.bin", &dataset));
    return dataset;
  }
  dataset.images.reserve(50000 * kPixels);
  for (int i = 1; i <= 5; ++i) RETURN_IF_ERROR(AppendFile(fmt::format("{}/data_batch_{}.bin", path, i), &dataset));
  return dataset;
}

}  // namespace signvote
