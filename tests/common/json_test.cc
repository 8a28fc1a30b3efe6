#include "common/json.h"

#include <gtest/gtest.h>

#include <limits>

#include "proto/signvote/v1/admin.pb.h"

namespace signvote {
namespace {

TEST(Json, WritesEveryFieldByItsProtoNameInItsOrder) {
  const Json json = ToJson(v1::BlockReliability());
  EXPECT_EQ(json.dump(), R"({"block":0,"crossover":0.0,"weight":0,"next_weight":0,"different":false,"trust":0.0})");
}

TEST(Json, WritesSixtyFourBitNumbersAsNumbers) {
  v1::BlockReliability block;
  block.set_weight(-9007199254740993);
  v1::RunStatus status;
  status.set_bytes_up(18446744073709551615u);
  EXPECT_NE(ToJson(block).dump().find("\"weight\":-9007199254740993"), std::string::npos);
  EXPECT_NE(ToJson(status).dump().find("\"bytes_up\":18446744073709551615"), std::string::npos);
}

TEST(Json, WritesIdentitiesAndFingerprintsAsHexadecimal) {
  v1::ClientSummary client;
  client.set_client_id(0xab);
  client.mutable_fingerprint()->set_high(1);
  client.mutable_fingerprint()->set_low(0xfe);
  const Json json = ToJson(client);
  EXPECT_EQ(json["client_id"], "00000000000000ab");
  EXPECT_EQ(json["fingerprint"], "000000000000000100000000000000fe");
}

TEST(Json, WritesEnumsByNameAndAbsentMessagesAsNull) {
  v1::RunStatus status;
  status.set_phase(v1::COLLECTING);
  const Json json = ToJson(status);
  EXPECT_EQ(json["phase"], "COLLECTING");
  EXPECT_TRUE(json["fingerprint"].is_null());
  EXPECT_TRUE(json["evaluations"].is_array());
}

TEST(Json, WritesFloatsAsTheyWereConfigured) {
  v1::RunStatus status;
  status.set_step(6e-4f);
  EXPECT_EQ(ToJson(status)["step"].dump(), "0.0006");
  EXPECT_EQ(ShortestDouble(3e-4f), 3e-4);
}

TEST(Json, WritesWhatIsNotFiniteAsNull) {
  v1::ClientSummary client;
  client.set_crossover(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(ToJson(client)["crossover"].is_null());
}

TEST(Json, NestsRepeatedMessages) {
  v1::ListClientsResponse response;
  response.add_clients()->set_name("a");
  response.add_clients()->set_name("b");
  const Json json = ToJson(response);
  ASSERT_EQ(json["clients"].size(), 2u);
  EXPECT_EQ(json["clients"][1]["name"], "b");
}

TEST(Json, TextIsUtf8WhateverAStringHolds) { EXPECT_EQ(TextOf(Json{{"name", "Zo\xEB"}}), "{\"name\":\"Zo\uFFFD\"}"); }

}  // namespace
}  // namespace signvote
