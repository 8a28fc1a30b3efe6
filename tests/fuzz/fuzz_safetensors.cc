// Safetensors: what is accepted says the same when it is written again.
#include "common/safetensors.h"
#include "common/status.h"
#include "tests/fuzz/fuzz_input.h"

using namespace signvote;

// input := 1 file | 0 header data: the second with the length that the header has
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  std::string bytes;
  if (input.Bool()) {
    bytes = input.Rest();
  } else {
    const uint64_t data_bytes = input.Byte();
    const std::string_view header = input.Rest();
    const uint64_t length = header.size();
    bytes.assign(reinterpret_cast<const char*>(&length), sizeof(length));
    bytes += header;
    bytes.append(data_bytes, '\x40');
  }
  const absl::StatusOr<Tensors> tensors = ParseSafetensors(bytes);
  if (!tensors.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(tensors.status()), Message(tensors.status()));
    return 0;
  }
  uint64_t coordinates = 0;
  for (const TensorShape& tensor : tensors->tensors) coordinates += tensor.Coordinates();
  FUZZ_CHECK(coordinates == tensors->values.size());

  std::string again = SafetensorsHeader(tensors->tensors, tensors->metadata);
  again.append(reinterpret_cast<const char*>(tensors->values.data()), tensors->values.size() * sizeof(float));
  const absl::StatusOr<Tensors> reread = ParseSafetensors(again);
  FUZZ_CHECK(reread.ok(), Message(reread.status()));
  FUZZ_CHECK(reread->tensors == tensors->tensors);
  FUZZ_CHECK(reread->metadata == tensors->metadata);
  FUZZ_CHECK(reread->values.size() == tensors->values.size());
  FUZZ_CHECK(reread->values.empty() ||
             std::memcmp(reread->values.data(), tensors->values.data(), reread->values.size() * sizeof(float)) == 0);
  return 0;
}
