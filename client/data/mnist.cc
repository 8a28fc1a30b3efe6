// The IDX format of MNIST (http://yann.lecun.com/exdb/mnist), big-endian:
//   images := 0x00000803 count rows columns pixel*
//   labels := 0x00000801 count label*
#include <zlib.h>

#include <filesystem>
#include <memory>
#include <system_error>

#include "client/data/formats.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr uint32_t kImagesMagic = 0x00000803;
constexpr uint32_t kLabelsMagic = 0x00000801;

// PATH, or PATH.gz where only that exists.
absl::StatusOr<std::string> Find(const std::string& path) {
  std::error_code error;
  for (const std::string& candidate : {path, path + ".gz"}) {
    if (std::filesystem::exists(candidate, error)) return candidate;
  }
  return Error(absl::StatusCode::kNotFound, "{}: {}, with or without .gz; is data.path right?", path,
               error ? error.message() : "no such file");
}

// zlib reads files that are not compressed as they are.
absl::StatusOr<std::vector<uint8_t>> ReadMaybeCompressed(const std::string& path) {
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (file == nullptr) return Error(absl::StatusCode::kNotFound, "{}: cannot be opened", path);
  std::vector<uint8_t> bytes;
  constexpr size_t kChunk = size_t{1} << 20;
  int got = 0;
  do {
    bytes.resize(bytes.size() + kChunk);
    got = gzread(file.get(), bytes.data() + bytes.size() - kChunk, kChunk);
    if (got < 0) break;
    bytes.resize(bytes.size() - kChunk + static_cast<size_t>(got));
  } while (got > 0);
  int error = Z_OK;
  const char* problem = gzerror(file.get(), &error);
  if (error == Z_BUF_ERROR) {
    return InvalidArgument("{}: truncated: the compressed data end early; fetch the file again", path);
  }
  if (got < 0 || error != Z_OK) return InvalidArgument("{}: damaged: {}; fetch the file again", path, problem);
  return bytes;
}

uint32_t BigEndian(const std::vector<uint8_t>& bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

struct Idx {
  std::string path;
  std::vector<uint32_t> dimensions;
  std::vector<uint8_t> values;
};

absl::StatusOr<Idx> ReadIdx(const std::string& stem, uint32_t magic, size_t dimensions) {
  Idx idx;
  ASSIGN_OR_RETURN(idx.path, Find(stem));
  ASSIGN_OR_RETURN(std::vector<uint8_t> bytes, ReadMaybeCompressed(idx.path));
  const size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header) {
    return InvalidArgument("{}: truncated: {} bytes, expected at least the {} of an IDX header", idx.path, bytes.size(),
                           header);
  }
  if (BigEndian(bytes, 0) != magic) {
    return InvalidArgument("{}: wrong magic number 0x{:08x}, expected 0x{:08x}: not the IDX file that its name says",
                           idx.path, BigEndian(bytes, 0), magic);
  }
  uint64_t expected = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    idx.dimensions.push_back(BigEndian(bytes, 4 + 4 * i));
    if (__builtin_mul_overflow(expected, uint64_t{idx.dimensions.back()}, &expected)) expected = UINT64_MAX;
  }
  const size_t found = bytes.size() - header;
  if (found != expected) {
    return InvalidArgument("{}: {}: {} bytes of data after the header, expected {} ({})", idx.path,
                           found < expected ? "truncated" : "too long", found, expected,
                           fmt::join(idx.dimensions, " x "));
  }
  idx.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(header), bytes.end());
  return idx;
}

absl::StatusOr<Dataset> Read(const std::string& path, Split split) {
  const std::string stem = path + (split == Split::kTrain ? "/train" : "/t10k");
  ASSIGN_OR_RETURN(Idx images, ReadIdx(stem + "-images-idx3-ubyte", kImagesMagic, 3));
  ASSIGN_OR_RETURN(Idx labels, ReadIdx(stem + "-labels-idx1-ubyte", kLabelsMagic, 1));
  if (images.dimensions[0] != labels.dimensions[0]) {
    return InvalidArgument("{} has {} images, {} has {} labels: they do not belong together", images.path,
                           images.dimensions[0], labels.path, labels.dimensions[0]);
  }
  Dataset dataset;
  dataset.source = images.path;
  dataset.inputs.shape = {1, images.dimensions[1], images.dimensions[2]};
  dataset.classes = 10;
  dataset.mean = {0.1307f};
  dataset.deviation = {0.3081f};
  dataset.inputs.values = std::move(images.values);
  dataset.targets.values = std::vector<int32_t>(labels.values.begin(), labels.values.end());
  return dataset;
}

}  // namespace

DataSource formats::mnist(ConfigReader* config) {
  std::string path;
  config->Read("data.path", &path);
  return [path](Split split) { return Read(path, split); };
}

}  // namespace signvote
