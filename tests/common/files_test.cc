#include "common/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <fstream>

#include "common/status.h"
#include "tests/common/scratch.h"

namespace signvote {
namespace {

using ::testing::HasSubstr;

TEST(Files, WhatIsWrittenIsReadBack) {
  Scratch scratch;
  const std::string binary("\0\xff\n", 3);
  const std::string_view parts[] = {"one ", "", binary};
  ASSERT_TRUE(WriteFileAtomically(scratch / "file", parts).ok());
  EXPECT_EQ(*ReadFile(scratch / "file"), "one " + binary);
}

TEST(Files, AnEmptyFileReadsAsEmpty) {
  Scratch scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "file", "").ok());
  EXPECT_EQ(*ReadFile(scratch / "file"), "");
}

TEST(Files, WritingReplacesTheWholeFileAndLeavesNothingElse) {
  Scratch scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "file", "a long first text").ok());
  ASSERT_TRUE(WriteFileAtomically(scratch / "file", "second").ok());
  EXPECT_EQ(*ReadFile(scratch / "file"), "second");
  EXPECT_EQ(scratch.Files(), 1u);
}

TEST(Files, AMissingFileIsNotFoundAndNamed) {
  const absl::Status status = ReadFile("/nowhere/file").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Message(status), "cannot read /nowhere/file: No such file or directory");
}

TEST(Files, ReadingADirectoryIsAnError) {
  Scratch scratch;
  EXPECT_THAT(Message(ReadFile(scratch.path()).status()), HasSubstr("Is a directory"));
}

TEST(Files, WritingIntoAMissingDirectoryIsNotFoundAndNamesTheFile) {
  Scratch scratch;
  const absl::Status status = WriteFileAtomically(scratch / "missing/file", "text");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(status), HasSubstr(scratch / "missing/file: "));
}

TEST(Files, WritingIntoAReadOnlyDirectoryIsPermissionDenied) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  Scratch scratch;
  ASSERT_EQ(::chmod(scratch.path().c_str(), 0555), 0);
  EXPECT_EQ(WriteFileAtomically(scratch / "file", "text").code(), absl::StatusCode::kPermissionDenied);
  ::chmod(scratch.path().c_str(), 0755);
}

TEST(Files, AFailedRenameRemovesTheTemporaryFile) {
  Scratch scratch;
  ASSERT_TRUE(MakeDirectories(scratch / "taken/inside").ok());
  EXPECT_FALSE(WriteFileAtomically(scratch / "taken", "text").ok());
  EXPECT_EQ(scratch.Files(), 1u);
}

TEST(Files, AFailedWriteLeavesTheOldFileUntouched) {
  Scratch scratch;
  ASSERT_TRUE(WriteFileAtomically(scratch / "file", "old").ok());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = WriteFileAtomically(scratch / "file", std::string(5000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(Message(status), HasSubstr("File too large"));
  EXPECT_EQ(*ReadFile(scratch / "file"), "old");
  EXPECT_EQ(scratch.Files(), 1u);
}

TEST(Files, ErrorsAreToldApart) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "read", "x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(EACCES, "read", "x").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(EROFS, "write", "x").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "write", "x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EDQUOT, "write", "x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(EIO, "write", "x").code(), absl::StatusCode::kUnavailable);
}

TEST(Files, MakeDirectoriesMakesAllOfThemAndIsContentWhenTheyExist) {
  Scratch scratch;
  EXPECT_TRUE(MakeDirectories(scratch / "a/b/c").ok());
  EXPECT_TRUE(MakeDirectories(scratch / "a/b/c").ok());
  ASSERT_TRUE(WriteFileAtomically(scratch / "a/file", "").ok());
  EXPECT_FALSE(MakeDirectories(scratch / "a/file").ok());
}

TEST(Files, Sha256OfThePublishedExample) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace signvote
