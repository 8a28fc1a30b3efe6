// Files with errors that name the path and the reason. NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED (disk full,
// quota) and UNAVAILABLE (any other I/O error) are told apart.
#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace signvote {

absl::Status ErrnoStatus(int error, std::string_view doing, std::string_view path);  // "cannot DOING PATH: reason"

absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes `parts` in order under a temporary name beside `path`, fsyncs, renames, and fsyncs the directory: afterwards
// the file is whole and durable, or untouched. The temporary file is removed on failure.
absl::Status WriteFileAtomically(const std::string& path, std::span<const std::string_view> parts);
absl::Status WriteFileAtomically(const std::string& path, std::string_view whole);

absl::Status MakeDirectories(const std::string& path);
absl::Status SyncDirectory(const std::string& path);

// SHA-256 as 32 raw bytes.
std::string Sha256(std::string_view bytes);
std::string Hex(std::string_view bytes);

// As many open files (one a connection) as this process may have without asking anyone. Past that number gRPC stops
// listening.
void RaiseFileLimit();

}  // namespace signvote
