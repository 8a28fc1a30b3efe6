// Images in directories: data.path/CLASS/FILE.jpg (or .jpeg, .png). Classes are the directories in alphabetical order,
// or data.classes, which clients need who do not all have every class. Files of other kinds are passed over, and so is
// all that a leading dot hides.
#include <absl/strings/ascii.h>
#include <stb_image.h>
#include <stb_image_resize.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <system_error>

#include "client/data/source_keys.h"
#include "common/log.h"
#include "common/status.h"

namespace signvote {
namespace {

namespace fs = std::filesystem;

struct Options {
  uint32_t height = 0;  // 0: as they are, all the same
  uint32_t width = 0;
  uint32_t channels = 3;
  ClassNames classes;
  Normalisation normalisation;
};

struct Picture {
  uint32_t height = 0;
  uint32_t width = 0;
  std::vector<uint8_t> pixels;  // row, column, channel
};

absl::StatusOr<std::vector<fs::path>> Entries(const std::string& directory) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (auto it = fs::directory_iterator(directory, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (!it->path().filename().string().starts_with('.')) entries.push_back(it->path());
  }
  if (error) {
    return Error(absl::StatusCode::kNotFound, "{}: cannot be listed: {}; is data.path right?", directory,
                 error.message());
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool IsDirectory(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool IsImage(const fs::path& path) {
  std::string extension = path.extension().string();
  absl::AsciiStrToLower(&extension);
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png";
}

absl::StatusOr<Picture> ReadPicture(const std::string& file, const Options& options) {
  const auto channels = static_cast<int>(options.channels);
  int width = 0, height = 0, original = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(stbi_load(file.c_str(), &width, &height, &original, channels),
                                                         stbi_image_free);
  if (pixels == nullptr) {
    return InvalidArgument("{}: is no readable image ({}): mend it or take it away", file, stbi_failure_reason());
  }
  Picture picture{static_cast<uint32_t>(height), static_cast<uint32_t>(width), {}};
  if (options.height > 0) {
    picture.height = options.height;
    picture.width = options.width;
  }
  picture.pixels.resize(size_t{picture.height} * picture.width * options.channels);
  if (picture.height == static_cast<uint32_t>(height) && picture.width == static_cast<uint32_t>(width)) {
    std::copy_n(pixels.get(), picture.pixels.size(), picture.pixels.begin());
  } else if (stbir_resize_uint8(pixels.get(), width, height, 0, picture.pixels.data(), static_cast<int>(picture.width),
                                static_cast<int>(picture.height), 0, channels) == 0) {
    return InvalidArgument("{}: of {} x {} cannot be resized to data.size", file, height, width);
  }
  return picture;
}

// Everything below a directory, class by class.
class Collector {
 public:
  explicit Collector(const Options& options) : options_(options) {}

  absl::Status AddClass(const fs::path& directory, int32_t label) {
    ASSIGN_OR_RETURN(std::vector<fs::path> files, Entries(directory.string()));
    const auto nested = std::count_if(files.begin(), files.end(), IsDirectory);
    std::erase_if(files, [this](const fs::path& file) {
      const bool other = !IsImage(file);
      if (other && !IsDirectory(file)) ++others_[file.extension().empty() ? "no ending" : file.extension().string()];
      return other;
    });
    if (files.empty() && nested > 0) {
      return InvalidArgument(
          "{}: holds no JPEG or PNG files but {} directories; images are read from data.path/CLASS/FILE: move them up, "
          "or, where its directories are the classes, set data.path to {}",
          directory.string(), nested, directory.string());
    }
    if (nested > 0) {
      spdlog::warn("{}: passes over {} directories in it: images are read from data.path/CLASS/FILE alone",
                   directory.string(), nested);
    }
    if (files.empty()) {
      return InvalidArgument("{}: holds no JPEG or PNG files, and so is no class: move it elsewhere",
                             directory.string());
    }
    for (const fs::path& file : files) {
      ASSIGN_OR_RETURN(const Picture picture, ReadPicture(file.string(), options_));
      RETURN_IF_ERROR(CheckSize(file.string(), picture));
      Append(picture);
      labels_.push_back(label);
    }
    return absl::OkStatus();
  }

  // "; passes over 3 files of other types: .gif (2), .webp (1)", or nothing.
  std::string OthersText() const {
    size_t count = 0;
    std::vector<std::string> types;
    for (const auto& [type, files] : others_) {
      count += files;
      types.push_back(fmt::format("{} ({})", type, files));
    }
    if (count == 0) return "";
    return fmt::format("; passes over {} files of other types: {}", count, fmt::join(types, ", "));
  }

  Dataset Take(const std::string& source, uint32_t classes) {
    Dataset dataset;
    dataset.source = source;
    dataset.inputs.shape = {options_.channels, first_.height, first_.width};
    dataset.inputs.values = std::move(pixels_);
    dataset.targets.values = std::move(labels_);
    dataset.classes = classes;
    dataset.mean = options_.normalisation.mean;
    dataset.deviation = options_.normalisation.deviation;
    return dataset;
  }

 private:
  absl::Status CheckSize(const std::string& file, const Picture& picture) {
    if (first_file_.empty()) {
      first_file_ = file;
      first_.height = picture.height;
      first_.width = picture.width;
    }
    if (picture.height == first_.height && picture.width == first_.width) return absl::OkStatus();
    return InvalidArgument("{}: is {} x {}, {} is {} x {}: set data.size to [HEIGHT, WIDTH] for all", file,
                           picture.height, picture.width, first_file_, first_.height, first_.width);
  }

  void Append(const Picture& picture) {
    const size_t channels = options_.channels;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t i = c; i < picture.pixels.size(); i += channels) pixels_.push_back(picture.pixels[i]);
    }
  }

  const Options& options_;
  std::string first_file_;
  Picture first_;                         // its size alone
  std::map<std::string, size_t> others_;  // files that are no images, by the endings of their names
  std::vector<uint8_t> pixels_;
  std::vector<int32_t> labels_;
};

absl::StatusOr<Dataset> Read(const std::string& path, const Options& options) {
  ASSIGN_OR_RETURN(std::vector<fs::path> directories, Entries(path));
  std::erase_if(directories, [](const fs::path& entry) { return !IsDirectory(entry); });
  if (directories.empty()) {
    return InvalidArgument("{}: holds no samples: it has no directories, and images are read from data.path/CLASS/FILE",
                           path);
  }
  Collector collector(options);
  std::vector<std::string> found, names;
  for (const fs::path& directory : directories) {
    const std::string name = directory.filename().string();
    const int32_t label = options.classes.Given() ? options.classes.Find(name) : static_cast<int32_t>(found.size());
    if (label < 0) {
      return InvalidArgument("{}: is none of data.classes: {}", directory.string(), Quoted(options.classes.names()));
    }
    RETURN_IF_ERROR(collector.AddClass(directory, label));
    found.push_back(fmt::format("{}={}", name, label));
    names.push_back(name);
  }
  spdlog::info("{}: classes {}{}", path, fmt::join(found, ", "), collector.OthersText());
  if (options.classes.Given()) names = options.classes.names();
  Dataset dataset = collector.Take(path, static_cast<uint32_t>(names.size()));
  dataset.class_names = std::move(names);
  dataset.class_numbers = options.classes.Given() ? ClassNumbers::kNamed : ClassNumbers::kFound;
  return dataset;
}

}  // namespace

DataSource formats::images(ConfigReader* config) {
  Options options{.classes = ClassNames(config), .normalisation = ReadNormalisation(config)};
  std::vector<std::string> size;
  config->Read("data.size", &size);
  const auto whole = [](const std::string& text) {
    const bool digits = !text.empty() && text.size() < 6 && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
    return digits ? static_cast<uint32_t>(std::stoul(text)) : 0;
  };
  if (!size.empty()) {
    options.height = whole(size.front());
    options.width = whole(size.back());
    if (size.size() != 2 || options.height == 0 || options.width == 0) {
      config->Fail("data.size", fmt::format("is [{}], expected [HEIGHT, WIDTH] in pixels", fmt::join(size, ", ")));
    }
  }
  config->Read("data.channels", &options.channels,
               {[](double n) { return n == 1 || n == 3; }, "1 (grey) or 3 (colour)"});
  return WithTestSplit(config, [options](const std::string& path, Files) { return Read(path, options); });
}

}  // namespace signvote
