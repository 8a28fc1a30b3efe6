// What a client does wrong on purpose, for experiments: `simulate` in client.yaml. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/safetensors.h"
#include "common/sign_vector.h"

namespace signvote {

struct Simulation {
  // none; flip: every sign; flip-half: every sign, in half of the rounds; flip-last: those of the last layer alone;
  // random: fair coins; same: one wrong vector in every round, the same for all clients that do so; alike: the same,
  // each with other signs flipped on an eighth
  std::string attack = "none";
  uint32_t batch = 0;       // instead of `batch`; 0: no change
  uint32_t late = 0;        // ballots are sent so many rounds after they were asked for
  uint64_t from_round = 1;  // all of this from here on
};

// The batch of a round.
uint32_t SimulatedBatch(const Simulation& simulation, uint32_t batch, uint64_t round);

// Rounds by which the ballot of this round is late.
uint32_t SimulatedLateness(const Simulation& simulation, uint64_t round);

// Where the last layer begins, a weight and its bias: the first coordinate of the last two tensors.
uint64_t LastLayer(std::span<const TensorShape> tensors);

// Attacks with the packed signs of a block of so many coordinates, of which the last layer has those from `last_layer`
// on. Random and wrong vectors abstain nowhere.
void SimulateAttack(const Simulation& simulation, uint64_t client_id, uint64_t round, uint64_t block,
                    uint64_t coordinates, uint64_t last_layer, SignVector* signs);

}  // namespace signvote
