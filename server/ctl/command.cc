#include "server/ctl/command.h"

namespace signvote::ctl {

void Context::Print(const google::protobuf::Message& message, const std::string& text) const {
  if (json) {
    PrintJson(ToJson(message));
  } else {
    out << text << std::flush;
  }
}

void Context::PrintJson(const Json& json_value) const { out << json_value.dump(2) << std::endl; }

}  // namespace signvote::ctl
