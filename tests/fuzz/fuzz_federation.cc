// Sessions that say anything, in any order, while an administrator interferes: see federation_driver.h.
#include "tests/fuzz/federation_driver.h"

using namespace signvote;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzInput input(data, size);
  FederationDriver driver(input);
  for (int steps = 0; steps < 200 && !input.IsEmpty(); ++steps) {
    input.Below(8) == 7 ? driver.Administer() : driver.Step();
    driver.Check();
  }
  driver.Finish();
  return 0;
}
