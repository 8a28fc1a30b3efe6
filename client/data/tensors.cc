// Tensors saved by PyTorch, with samples along the first dimension:
//   torch.save((inputs, targets), file)   torch.save({"inputs": inputs, "targets": targets}, file)
// or a TorchScript module with attributes `inputs` and `targets`. Numbers count as those of format npy.
#include <torch/script.h>

#include <limits>
#include <optional>

#include "client/data/targets.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

struct Options {
  TargetOptions to_predict;
  Normalisation normalisation;
};

struct Both {
  torch::Tensor inputs;
  torch::Tensor targets;
};

std::optional<Both> FromPickle(const c10::IValue& value) {
  if (value.isTuple() && value.toTupleRef().elements().size() == 2) {
    const auto& elements = value.toTupleRef().elements();
    if (elements[0].isTensor() && elements[1].isTensor()) return Both{elements[0].toTensor(), elements[1].toTensor()};
  }
  if (value.isGenericDict()) {
    const auto dictionary = value.toGenericDict();
    if (dictionary.contains("inputs") && dictionary.contains("targets")) {
      return Both{dictionary.at("inputs").toTensor(), dictionary.at("targets").toTensor()};
    }
  }
  return std::nullopt;
}

std::string WhatIs(const c10::IValue& value) {
  if (!value.isGenericDict()) return "it holds a " + value.tagKind();
  std::vector<std::string> names;
  for (const auto& entry : value.toGenericDict()) {
    names.push_back(entry.key().isString() ? entry.key().toStringRef() : entry.key().tagKind());
  }
  return fmt::format("it holds a dict of {}", fmt::join(names, ", "));
}

std::string FirstLine(const char* text) {
  const std::string words = text;
  return words.substr(0, words.find('\n'));
}

absl::StatusOr<Both> Load(const std::string& file, const std::string& bytes) {
  std::string problem;
  try {
    const c10::IValue value = torch::jit::pickle_load({bytes.begin(), bytes.end()});
    if (auto both = FromPickle(value)) return *both;
    problem = WhatIs(value);
  } catch (const std::exception& error) {
    problem = FirstLine(error.what());
  }
  try {
    std::istringstream stream(bytes);
    const torch::jit::Module module = torch::jit::load(stream, torch::kCPU);
    return Both{module.attr("inputs").toTensor(), module.attr("targets").toTensor()};
  } catch (const std::exception&) {
    return InvalidArgument(
        "{}: is neither torch.save((inputs, targets)), nor of a dict with these names, nor a TorchScript module with "
        "these attributes: {}",
        file, problem);
  }
}

template <typename T>
std::vector<T> Values(const torch::Tensor& tensor) {
  const T* values = tensor.data_ptr<T>();
  return {values, values + tensor.numel()};
}

absl::StatusOr<Column> ColumnOf(const std::string& file, const char* name, const torch::Tensor& tensor) {
  if (tensor.dim() == 0) return InvalidArgument("{}: {} is a single number, expected a tensor of samples", file, name);
  constexpr int64_t kMostNumbers = int64_t{1} << 40;  // a view of few numbers may be larger than any memory
  if (tensor.numel() > kMostNumbers) {
    return InvalidArgument("{}: {} has {} numbers, expected at most {}", file, name, tensor.numel(), kMostNumbers);
  }
  Column column;
  column.shape.assign(tensor.sizes().begin() + 1, tensor.sizes().end());
  const torch::Tensor dense = tensor.detach().to(torch::kCPU).contiguous();
  if (dense.scalar_type() == torch::kUInt8 || dense.scalar_type() == torch::kBool) {
    column.values = Values<uint8_t>(dense.to(torch::kUInt8));
  } else if (dense.is_floating_point()) {
    column.values = Values<float>(dense.to(torch::kFloat32));
  } else if (c10::isIntegralType(dense.scalar_type(), false)) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    const torch::Tensor wide = dense.to(torch::kInt64);
    if (wide.numel() > 0 && (wide.max().item<int64_t>() > kMost || wide.min().item<int64_t>() < -kMost)) {
      return InvalidArgument("{}: {} holds a number beyond {}", file, name, kMost);
    }
    column.values = Values<int32_t>(wide.to(torch::kInt32));
  } else {
    return InvalidArgument("{}: {} is {}, expected numbers", file, name, c10::toString(dense.scalar_type()));
  }
  return column;
}

absl::StatusOr<Dataset> DatasetOf(const std::string& file, const Both& both, const TargetOptions& to_predict) {
  Dataset dataset;
  dataset.source = file;
  const bool is_boolean = both.inputs.scalar_type() == torch::kBool;
  ASSIGN_OR_RETURN(dataset.inputs,
                   ColumnOf(file, "inputs", is_boolean ? both.inputs.to(torch::kFloat32) : both.inputs));
  ASSIGN_OR_RETURN(Column targets, ColumnOf(file, "targets", both.targets));
  RETURN_IF_ERROR(SetTargets(std::move(targets), to_predict, &dataset));
  return dataset;
}

absl::StatusOr<Dataset> Read(const std::string& file, const Options& options) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadFile(file));
  ASSIGN_OR_RETURN(const Both both, Load(file, bytes));
  try {
    ASSIGN_OR_RETURN(Dataset dataset, DatasetOf(file, both, options.to_predict));
    dataset.mean = options.normalisation.mean;
    dataset.deviation = options.normalisation.deviation;
    return dataset;
  } catch (const std::exception& error) {  // LibTorch's, as of too little memory
    return InvalidArgument("{}: {}", file, FirstLine(error.what()));
  }
}

}  // namespace

DataSource formats::tensors(ConfigReader* config) {
  const Options options{ReadTargetOptions(config), ReadNormalisation(config)};
  return WithTestSplit(config, [options](const std::string& path, Files) { return Read(path, options); });
}

}  // namespace signvote
