// What reader and writer of a journal segment share: docs/journal_format.md is its grammar. Integers are little-endian
// and lie in the file as in memory.
//
//   segment := header record*
//   record  := checksum magic length append place body padding
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "common/xxhash.h"
#include "server/store/disk.h"

namespace signvote::journal {

static_assert(std::endian::native == std::endian::little, "the journal is read and written as it lies in memory");

inline constexpr uint64_t kSegmentMagic = 0x31306c6e726a7673;  // "svjrnl01"
inline constexpr uint32_t kRecordMagic = 0x72635672;           // "rVcr"
inline constexpr uint64_t kAlignment = 8;                      // of records in the file; of appends: kPageBytes
inline constexpr uint64_t kMaxBodyBytes = uint64_t{64} << 20;

struct SegmentHeader {
  uint64_t magic = kSegmentMagic;
  uint64_t salt = 0;         // of its records' checksums: those of another segment do not fit
  uint64_t after_round = 0;  // its rounds are after_round + 1 and on
  uint64_t checksum = 0;     // XXH3-64 of the fields before
};

inline constexpr uint32_t kLast = uint32_t{1} << 31;

struct RecordHeader {
  uint64_t checksum = 0;  // XXH3-64 of everything behind it to the end of the padding, seeded by salt + the offset
  uint32_t magic = kRecordMagic;
  uint32_t length = 0;  // of the body, a serialised v1::JournalRecord
  uint32_t append = 0;  // counts appends over all segments: what was made durable together has one number
  uint32_t place = 0;   // counts the records of the append from 0; kLast is set in the one that makes it whole
};

static_assert(sizeof(SegmentHeader) == 32 && sizeof(RecordHeader) == 24 && std::is_trivially_copyable_v<RecordHeader>);

// From the record's offset to where the next one begins: after the last of an append, on a new page, so that writing
// the next append touches no byte that is durable.
constexpr uint64_t RecordBytes(uint64_t offset, uint64_t length, uint32_t place) {
  const uint64_t multiple = place & kLast ? kPageBytes : kAlignment;
  return (offset + sizeof(RecordHeader) + length + multiple - 1) / multiple * multiple - offset;
}

inline uint64_t ChecksumOf(const SegmentHeader& header) {
  return XXH3_64bits(&header, offsetof(SegmentHeader, checksum));
}

// `record`: the whole of it, header and padding included, as it stands at `offset` of a segment with this salt.
inline uint64_t ChecksumOf(std::string_view record, uint64_t salt, uint64_t offset) {
  constexpr size_t kFrom = offsetof(RecordHeader, magic);
  return XXH3_64bits_withSeed(record.data() + kFrom, record.size() - kFrom, salt + offset);
}

}  // namespace signvote::journal
