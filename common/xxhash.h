// XXH3 with the widest vectors of this machine: Debian's library is built for SSE2 and has the others behind this
// header. The hashes are the same.
#pragma once

#include <xxhash.h>

#ifdef __x86_64__
#include <xxh_x86dispatch.h>
#endif
