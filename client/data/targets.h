// What a data set's targets are to its loss: classes, or numbers in a unit that a module reaches.
#pragma once

#include <string>

#include "client/data/dataset.h"
#include "client/data/source_keys.h"

namespace signvote {

struct TargetOptions {
  ClassNames classes;           // data.classes
  Normalisation normalisation;  // data.target_mean and data.target_deviation: numbers in the module's unit
  std::string loss;             // empty: the module's own or cross_entropy, which is not known yet

  // Whether whole numbers are classes where no names say so.
  bool WholeAreClasses() const;
  // Whether whole numbers are numbers as real ones are: the loss has no classes, and none are named.
  bool WholeAreNumbers() const;
};

// Asks for these keys and for `loss`.
TargetOptions ReadTargetOptions(ConfigReader* config);

// For a configuration that names no targets: whether the loss is the module's own, which does without. Keys about
// targets are errors then.
bool MayLackTargets(ConfigReader* config, const TargetOptions& options);

// For data of such a configuration: the module's loss gets the inputs as targets, too. Logs it.
void SetInputsAsTargets(Dataset* dataset);

// With a normalisation, targets become (target - mean) / deviation. Without one, bytes and integers become real numbers
// under a loss of numbers; else they are, one a sample, classes: as many as have names or, without, as there are up to
// the largest; and a warning says where numbers under loss mse are far from what a module begins with.
// INVALID_ARGUMENT: means for other targets than there are. `dataset` has its source.
absl::Status SetTargets(Column column, const TargetOptions& options, Dataset* dataset);

}  // namespace signvote
