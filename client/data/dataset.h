// Samples as a client keeps them in memory: small integers stay small, and become what a module takes in batch.h.
#pragma once

#include <absl/status/status.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace signvote {

// The numbers of every sample, one sample after the other.
struct Column {
  std::vector<uint64_t> shape;  // of one sample, in row-major order; empty: one number
  std::variant<std::vector<uint8_t>, std::vector<float>, std::vector<int32_t>> values;
  uint64_t step = 0;  // numbers from the beginning of a sample to that of the next; 0: Width(), no sample overlaps

  uint64_t Width() const;  // numbers in a sample
  size_t size() const;     // samples
  uint64_t Begin(size_t sample) const { return sample * (step == 0 ? Width() : step); }

  template <typename T>
  bool Holds() const {
    return std::holds_alternative<std::vector<T>>(values);
  }
  template <typename T>
  std::span<const T> Sample(size_t sample) const {
    return std::span(std::get<std::vector<T>>(values)).subspan(Begin(sample), Width());
  }
};

// Where the number of a class comes from.
enum class ClassNumbers {
  kFile,   // the file holds it, and it means the same to all
  kNamed,  // data.classes, which names all classes in their order
  kFound,  // the order of those that this data set has
};

struct Dataset {
  std::string source;       // for messages: where it came from
  Column inputs;            // bytes (they count 0 to 1: value / 255), real numbers, or int32: tokens and categories
  Column targets;           // real numbers, or int32: classes; empty where `next_token` or `targets_are_inputs`
  bool next_token = false;  // a sample of T + 1 tokens: the module takes the first T, the targets are the last T
  bool targets_are_inputs = false;  // what the module takes is what its loss gets as targets
  uint32_t classes = 0;             // where the target is one class a sample: how many; else 0
  ClassNumbers class_numbers = ClassNumbers::kFile;
  // Inputs become (value - mean) / deviation. One for all, or one for each entry of the first dimension (channel,
  // feature). Empty: as they are. Not for tokens.
  std::vector<float> mean;
  std::vector<float> deviation;
  // With which the targets were brought into the module's unit. Empty: they are as they were read.
  std::vector<float> target_mean;
  std::vector<float> target_deviation;
  std::vector<std::string> class_names;  // in the order of their numbers; empty: numbers alone
  std::vector<std::string> features;     // names of the entries of the inputs' first dimension, where they have any
  std::vector<uint32_t> places;          // of the samples among all that were read; empty: 0, 1, 2, ...

  size_t size() const { return inputs.size(); }
  // What messages call the sample.
  size_t Place(size_t sample) const { return places.empty() ? sample : places[sample]; }
  int32_t Class(size_t sample) const { return std::get<std::vector<int32_t>>(targets.values)[sample]; }
};

// INVALID_ARGUMENT: no samples, a class out of range (names the sample), a number that is not finite, or sizes that do
// not agree.
absl::Status ValidateDataset(const Dataset& dataset);

// These samples alone, in this order.
Dataset Subset(const Dataset& dataset, std::span<const uint32_t> samples);

// A few samples that show whether all of them fit a model: the first ones, and those with the smallest and the largest
// target, token or category. Always as many; of a small data set some come twice.
std::vector<uint32_t> TellingSamples(const Dataset& dataset);

// "3 x 32 x 32"; "1" for no dimensions.
std::string ShapeText(std::span<const uint64_t> shape);

}  // namespace signvote
