#include "common/json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "common/fingerprint.h"

namespace signvote {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

Json Number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }
std::string HexId(uint64_t id) { return fmt::format("{:016x}", id); }

// The value of a singular field, or of element `index` of a repeated one.
Json Value(const google::protobuf::Message& message, const FieldDescriptor* field, int index) {
  const Reflection* r = message.GetReflection();
  const bool many = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (!many && !r->HasField(message, field)) return nullptr;
      return ToJson(many ? r->GetRepeatedMessage(message, field, index) : r->GetMessage(message, field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return (many ? r->GetRepeatedEnum(message, field, index) : r->GetEnum(message, field))->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return many ? r->GetRepeatedString(message, field, index) : r->GetString(message, field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return many ? r->GetRepeatedBool(message, field, index) : r->GetBool(message, field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return Number(many ? r->GetRepeatedDouble(message, field, index) : r->GetDouble(message, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Number(ShortestDouble(many ? r->GetRepeatedFloat(message, field, index) : r->GetFloat(message, field)));
    case FieldDescriptor::CPPTYPE_INT32:
      return many ? r->GetRepeatedInt32(message, field, index) : r->GetInt32(message, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return many ? r->GetRepeatedInt64(message, field, index) : r->GetInt64(message, field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return many ? r->GetRepeatedUInt32(message, field, index) : r->GetUInt32(message, field);
    case FieldDescriptor::CPPTYPE_UINT64: {
      const uint64_t value = many ? r->GetRepeatedUInt64(message, field, index) : r->GetUInt64(message, field);
      return field->type() == FieldDescriptor::TYPE_FIXED64 ? Json(HexId(value)) : Json(value);
    }
  }
  return nullptr;
}

}  // namespace

double ShortestDouble(float value) {
  if (!std::isfinite(value)) return value;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = 0;
  std::from_chars(text, end, result);
  return result;
}

Json ToJson(const google::protobuf::Message& message) {
  if (const auto* fingerprint = dynamic_cast<const v1::Fingerprint*>(&message)) return FromProto(*fingerprint).Hex();
  Json json = Json::object();
  const auto* descriptor = message.GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (!field->is_repeated()) {
      json[field->name()] = Value(message, field, 0);
      continue;
    }
    Json& list = json[field->name()] = Json::array();
    for (int k = 0; k < message.GetReflection()->FieldSize(message, field); ++k)
      list.push_back(Value(message, field, k));
  }
  return json;
}

std::string TextOf(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace signvote
