// CIFAR-10's binary version (https://www.cs.toronto.edu/~kriz/cifar.html):
//   file := record*        record := label red{1024} green{1024} blue{1024}
#include "client/data/formats.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr size_t kPixels = 3 * 32 * 32;
constexpr size_t kRecord = 1 + kPixels;

absl::Status AppendFile(const std::string& path, std::vector<uint8_t>* images, std::vector<int32_t>* labels) {
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
    labels->push_back(label);
    const auto* pixels = reinterpret_cast<const uint8_t*>(bytes.data()) + at + 1;
    images->insert(images->end(), pixels, pixels + kPixels);
  }
  return absl::OkStatus();
}

absl::StatusOr<Dataset> Read(const std::string& path, Split split) {
  Dataset dataset;
  dataset.source = path;
  dataset.inputs.shape = {3, 32, 32};
  dataset.classes = 10;
  dataset.mean = {0.4914f, 0.4822f, 0.4465f};
  dataset.deviation = {0.247f, 0.243f, 0.262f};
  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
  if (split == Split::kTest) {
    RETURN_IF_ERROR(AppendFile(path + "/test_batch.bin", &images, &labels));
  } else {
    images.reserve(50000 * kPixels);
    for (int i = 1; i <= 5; ++i) {
      RETURN_IF_ERROR(AppendFile(fmt::format("{}/data_batch_{}.bin", path, i), &images, &labels));
    }
  }
  dataset.inputs.values = std::move(images);
  dataset.targets.values = std::move(labels);
  return dataset;
}

}  // namespace

DataSource formats::cifar10(ConfigReader* config) {
  std::string path;
  config->Read("data.path", &path);
  return [path](Split split) { return Read(path, split); };
}

}  // namespace signvote
