#include "common/config.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

#include "common/config_path.h"
#include "common/files.h"
#include "common/status.h"

namespace signvote {
namespace {

constexpr int kMaxDepth = 16;  // also ends the walk over an alias that contains itself

absl::Status CheckKeys(const YAML::Node& node, const std::string& file, int depth = 0) {
  if (depth > kMaxDepth) return InvalidArgument("{}: nested too deeply", At(file, node.Mark()));
  if (node.IsSequence()) {
    for (const auto& element : node) RETURN_IF_ERROR(CheckKeys(element, file, depth + 1));
  }
  if (!node.IsMap()) return absl::OkStatus();
  std::set<std::string> keys;
  for (const auto& pair : node) {
    if (!pair.first.IsScalar()) return InvalidArgument("{}: a key must be a word", At(file, pair.first.Mark()));
    const std::string& key = pair.first.Scalar();
    if (!keys.insert(key).second)
      return InvalidArgument("{}: key \"{}\" appears twice; keep one", At(file, pair.first.Mark()), key);
    RETURN_IF_ERROR(CheckKeys(pair.second, file, depth + 1));
  }
  return absl::OkStatus();
}

// Where each document begins. YAML::LoadAll would tell too, but on a stray comma finds documents without end.
class DocumentStarts : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  std::vector<YAML::Mark> marks;
};

absl::Status CheckOneDocument(const std::string& text, const std::string& file) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  while (starts.marks.size() < 2 && parser.HandleNextDocument(starts)) continue;
  if (starts.marks.size() < 2) return absl::OkStatus();
  if (starts.marks[0].pos == starts.marks[1].pos)
    return InvalidArgument("{}: not valid YAML: nothing may begin like this", At(file, starts.marks[0]));
  return InvalidArgument("{}: a second document begins here; keep one", At(file, starts.marks[1]));
}

absl::StatusOr<YAML::Node> ParseYaml(const std::string& text, const std::string& file) {
  try {
    RETURN_IF_ERROR(CheckOneDocument(text, file));
    YAML::Node root = YAML::Load(text);
    RETURN_IF_ERROR(CheckKeys(root, file));
    return root;
  } catch (const YAML::Exception& error) {
    return InvalidArgument("{}: not valid YAML: {}", At(file, error.mark), error.msg);
  }
}

// Puts `value` at `key` below the mapping `node`, creating sections on the way; false when something on the way is not
// a section.
bool Put(YAML::Node node, const std::string& key, const YAML::Node& value) {
  if (!node.IsMap() && !node.IsNull()) return false;
  const size_t dot = key.find('.');
  const std::string name = key.substr(0, dot);
  if (dot == std::string::npos) {
    if (node.IsMap()) node.remove(name);
    node[name] = value;
    return true;
  }
  const YAML::Node& section = node;
  if (!node.IsMap() || !section[name].IsDefined()) node[name] = YAML::Node(YAML::NodeType::Map);
  return Put(node[name], key.substr(dot + 1), value);
}

bool IsDottedKey(const std::string& key) {
  return !key.empty() && key.front() != '.' && key.back() != '.' && key.find("..") == std::string::npos;
}

}  // namespace

absl::StatusOr<Config> Config::Load(const std::string& path, const std::vector<std::string>& overrides) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return Parse(text, path, overrides);
}

absl::StatusOr<Config> Config::Parse(const std::string& text, const std::string& file_name,
                                     const std::vector<std::string>& overrides) {
  Config config;
  config.file_ = file_name;
  ASSIGN_OR_RETURN(config.root_, ParseYaml(text, file_name));
  if (config.root_.IsNull()) config.root_ = YAML::Node(YAML::NodeType::Map);
  if (!config.root_.IsMap()) return InvalidArgument("{}: expected keys and values", At(file_name, config.root_.Mark()));
  for (const std::string& assignment : overrides) {
    const size_t equals = assignment.find('=');
    const std::string key = assignment.substr(0, equals);
    if (equals == std::string::npos || !IsDottedKey(key))
      return InvalidArgument("--set {}: expected KEY=VALUE, for example rounds.total=100", assignment);
    ASSIGN_OR_RETURN(const YAML::Node value, ParseYaml(assignment.substr(equals + 1), "--set " + key));
    if (!Put(config.root_, key, value))
      return InvalidArgument("--set {}: a part of this key is a value in {}, not a section", key, file_name);
    config.overridden_.insert(key);
  }
  return config;
}

}  // namespace signvote
