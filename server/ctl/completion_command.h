// The answer to a shell that asks what may come next.
#pragma once

#include <CLI/CLI.hpp>
#include <iosfwd>
#include <string>
#include <vector>

namespace signvote::ctl {

// A candidate a line, with a tab before what is said about it; ":files" or ":directories" where the shell knows better.
// Contexts come from their file, clients from the server, which has a second to answer. Never an error: nothing then.
void AnswerShell(const CLI::App& app, const std::vector<std::string>& words, std::ostream& out);

}  // namespace signvote::ctl
