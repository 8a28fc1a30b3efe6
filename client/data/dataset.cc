#include "client/data/dataset.h"

#include "common/status.h"

namespace signvote {

absl::Status ValidateDataset(const Dataset& dataset) {
  if (dataset.size() == 0) return InvalidArgument("{}: holds no samples", dataset.source);
  if (dataset.images.size() != dataset.size() * dataset.shape.Pixels()) {
    return InvalidArgument("{}: {} labels but {} bytes of images, expected {} a sample", dataset.source, dataset.size(),
                           dataset.images.size(), dataset.shape.Pixels());
  }
  if (dataset.mean.size() != dataset.shape.channels || dataset.deviation.size() != dataset.shape.channels) {
    return InvalidArgument("{}: normalisation is known for {} channels, the images have {}", dataset.source,
                           dataset.mean.size(), dataset.shape.channels);
  }
  for (size_t i = 0; i < dataset.size(); ++i) {
    if (dataset.labels[i] >= dataset.classes) {
      return InvalidArgument("{}: sample {} has label {}, expected 0 to {}", dataset.source, i, dataset.labels[i],
                             dataset.classes - 1);
    }
  }
  return absl::OkStatus();
}

}  // namespace signvote
