// Messages as JSON for scripts: field names as in the proto, every field present (absent messages are null), numbers as
// JSON numbers, enums by name, fixed64 identities and fingerprints as hexadecimal strings, what is not finite as null.
#pragma once

#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <string>

namespace signvote {

using Json = nlohmann::ordered_json;  // keeps the order of the proto

Json ToJson(const google::protobuf::Message& message);

// As dump(indent), which throws on a string that is no UTF-8: here a strange byte becomes U+FFFD.
std::string TextOf(const Json& json, int indent = -1);

// A float as the shortest decimal that reads back as the same float: 6e-4 stays 0.0006.
double ShortestDouble(float value);

}  // namespace signvote
