#include "server/ctl/completion.h"

#include <algorithm>

namespace signvote::ctl {
namespace {

bool IsShown(const CLI::App* app) { return !app->get_name().empty() && !app->get_group().empty(); }
bool TakesValue(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

// Options of the command and, since they fall through, of those above it.
std::vector<const CLI::Option*> OptionsOf(const CLI::App* app) {
  std::vector<const CLI::Option*> options;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->nonpositional(); })) {
      options.push_back(option);
    }
  }
  return options;
}

const CLI::Option* Find(const CLI::App* app, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  for (const CLI::Option* option : OptionsOf(app)) {
    if (option->check_name(name)) return option;
  }
  return nullptr;
}

// The choices of CLI::IsMember stand in the type name, as in "TEXT:{bash,zsh}".
std::vector<std::string> ChoicesOf(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const size_t open = type.find('{'), close = type.find('}');
  if (open == type.npos || close == type.npos) return {};
  std::vector<std::string> choices;
  for (size_t begin = open + 1; begin <= close;) {
    const size_t end = std::min(type.find(',', begin), close);
    choices.push_back(type.substr(begin, end - begin));
    begin = end + 1;
  }
  return choices;
}

class Line {
 public:
  explicit Line(const CLI::App& app) : app_(&app) {}

  void Read(const std::string& word) {
    if (expecting_ != nullptr) {
      Take(*expecting_, word);
      expecting_ = nullptr;
    } else if (word.starts_with("-")) {
      const CLI::Option* option = Find(app_, word);
      if (option == nullptr) return;
      if (!TakesValue(*option)) return Take(*option, "");
      const size_t equals = word.find('=');
      equals == word.npos ? void(expecting_ = option) : Take(*option, word.substr(equals + 1));
    } else if (const CLI::App* next = Subcommand(word); next != nullptr) {
      app_ = next;
      positionals_ = 0;
    } else {
      ++positionals_;
    }
  }

  Completion Finish(const std::string& partial) {
    prefix_ = partial;
    if (expecting_ != nullptr) {
      OfferValue(*expecting_);
    } else if (partial.starts_with("-")) {
      for (const CLI::Option* option : OptionsOf(app_)) {
        for (const std::string& name : option->get_lnames()) Offer("--" + name, option->get_description());
      }
    } else {
      for (const CLI::App* next : app_->get_subcommands(IsShown)) Offer(next->get_name(), next->get_description());
      if (const CLI::Option* positional = Positional(); positional != nullptr) OfferValue(*positional);
    }
    return std::move(found_);
  }

 private:
  void Take(const CLI::Option& option, const std::string& value) {
    if (!option.get_lnames().empty()) found_.options[option.get_lnames().front()] = value;
  }

  const CLI::App* Subcommand(const std::string& word) const {
    for (const CLI::App* next : app_->get_subcommands(IsShown)) {
      if (next->get_name() == word) return next;
    }
    return nullptr;
  }

  // Where the next word goes; the last one may take many.
  const CLI::Option* Positional() const {
    const auto all = app_->get_options([](const CLI::Option* option) { return option->get_positional(); });
    if (positionals_ < all.size()) return all[positionals_];
    return !all.empty() && all.back()->get_expected_max() > 1 ? all.back() : nullptr;
  }

  void OfferValue(const CLI::Option& option) {
    const std::vector<std::string> choices = ChoicesOf(option);
    for (const std::string& choice : choices) Offer(choice, "");
    if (choices.empty()) found_.wants = option.get_type_name();
  }

  void Offer(const std::string& word, const std::string& about) {
    if (word.starts_with(prefix_)) found_.candidates.push_back({word, FirstLine(about)});
  }

  const CLI::App* app_;
  const CLI::Option* expecting_ = nullptr;  // its value comes next
  size_t positionals_ = 0;
  std::string prefix_;
  Completion found_;
};

constexpr char kBash[] = R"sh(# bash completion for signvotectl: source <(signvotectl completion bash)
_signvotectl() {
  local line=${COMP_LINE:0:COMP_POINT} word about current=${COMP_WORDS[COMP_CWORD]}
  local -a words
  # Not COMP_WORDS: they are cut at colons too, as in HOST:PORT.
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  COMPREPLY=()
  while IFS=$'\t' read -r word about; do
    case $word in
      :files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
      :directories) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
      *) COMPREPLY+=("$word") ;;
    esac
  done < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _signvotectl signvotectl
)sh";

constexpr char kZsh[] = R"sh(#compdef signvotectl
# zsh completion for signvotectl: source <(signvotectl completion zsh), or as _signvotectl in a directory of $fpath
_signvotectl() {
  local line word about
  local -a found
  while IFS=$'\t' read -r word about; do
    case $word in
      :files) _files ;;
      :directories) _files -/ ;;
      *) found+=("${word//:/\\:}${about:+:$about}") ;;
    esac
  done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
  (( ${#found} )) && _describe -t values signvotectl found
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
  _signvotectl "$@"
else
  compdef _signvotectl signvotectl
fi
)sh";

}  // namespace

Completion Complete(const CLI::App& app, const std::vector<std::string>& words) {
  Line line(app);
  for (size_t i = 0; i + 1 < words.size(); ++i) line.Read(words[i]);
  return line.Finish(words.empty() ? "" : words.back());
}

std::string CompletionScript(const std::string& shell) { return shell == "zsh" ? kZsh : kBash; }

}  // namespace signvote::ctl
