// What may come next on a command line, by the parser's own tree: a new command or option completes by being there.
// Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

namespace signvote::ctl {

struct Candidate {
  std::string word;
  std::string about;  // one line, may be empty

  bool operator==(const Candidate&) const = default;
};

struct Completion {
  std::vector<Candidate> candidates;  // that begin as the last word does, in the order of the help
  std::string wants;  // type name of the value looked for: FILE, DIRECTORY, CONTEXT, CLIENT, ...; or empty
  std::map<std::string, std::string> options;  // given before the last word, by their long name; flags have no value
};

// `words` follow the program's name; the last is the one to be completed, and may be empty.
Completion Complete(const CLI::App& app, const std::vector<std::string>& words);

// A script for bash or zsh that asks `signvotectl __complete WORD...` whenever the user asks it.
std::string CompletionScript(const std::string& shell);

}  // namespace signvote::ctl
