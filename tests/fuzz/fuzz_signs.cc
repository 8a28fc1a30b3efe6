// Packed signs in every coding: what decodes is canonical, and comes back from every way of encoding it.
#include <zstd.h>

#include "common/blocks.h"
#include "common/sign_vector.h"
#include "common/status.h"
#include "tests/fuzz/fuzz_input.h"

using namespace signvote;

namespace {

std::string Zstd(std::string_view bytes) {
  std::string frame(ZSTD_compressBound(bytes.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 1));
  return frame;
}

std::vector<uint64_t> RandomPlane(FuzzInput& input, uint64_t coordinates) {
  std::vector<uint64_t> words(WordsFor(coordinates));
  for (uint64_t& word : words) word = input.Number<uint64_t>();
  if (coordinates % 64 != 0) words.back() &= (uint64_t{1} << coordinates % 64) - 1;
  return words;
}

void CheckCanonical(const SignVector& planes, uint64_t coordinates) {
  FUZZ_CHECK(planes.signs.size() == WordsFor(coordinates));
  FUZZ_CHECK(planes.zeros.empty() || planes.zeros.size() == planes.signs.size());
  for (size_t w = 0; w < planes.zeros.size(); ++w) FUZZ_CHECK((planes.signs[w] & planes.zeros[w]) == 0);
  if (coordinates % 64 == 0) return;
  FUZZ_CHECK(planes.signs.back() >> coordinates % 64 == 0);
  FUZZ_CHECK(planes.zeros.empty() || planes.zeros.back() >> coordinates % 64 == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  const uint64_t coordinates = 1 + input.Number<uint16_t>() % 700;
  const uint8_t how = input.Byte();
  std::vector<uint64_t> previous;
  if (how & 1) previous = RandomPlane(input, coordinates);
  v1::SignBlock block;
  block.set_signs_coding(static_cast<v1::SignBlock::Coding>(input.Byte() % 5));
  block.set_zeros_coding(static_cast<v1::SignBlock::Coding>(input.Byte() % 5));
  const size_t plane_bytes = how & 2 ? 8 * WordsFor(coordinates) : input.Byte();
  std::string signs(input.Take(plane_bytes)), zeros(how & 4 ? input.Rest() : std::string_view());
  if (how & 2) signs.resize(plane_bytes);
  block.set_signs(how & 8 ? Zstd(signs) : signs);
  block.set_zeros(how & 16 ? Zstd(zeros) : zeros);

  SignVector planes;
  const absl::Status status = DecodeSigns(block, coordinates, previous, &planes);
  if (!status.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(status) || absl::IsOutOfRange(status), Message(status));
    return 0;
  }
  CheckCanonical(planes, coordinates);
  for (const std::vector<uint64_t>& before : {std::vector<uint64_t>(), previous, planes.signs}) {
    v1::SignBlock encoded;
    EncodeSigns(planes.signs, planes.zeros, before, &encoded);
    FUZZ_CHECK(encoded.signs().size() <= 8 * planes.signs.size());
    SignVector again;
    FUZZ_CHECK(DecodeSigns(encoded, coordinates, before, &again).ok());
    FUZZ_CHECK(again == planes);
  }
  return 0;
}
