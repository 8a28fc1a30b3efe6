// From ballots to decision, in one direction: CloseIfDue -> RunClosing: decode -> journal -> publish -> apply ->
// OpenRound.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "common/status.h"
#include "server/service/federation.h"
#include "server/service/names_text.h"

namespace signvote {
namespace {

constexpr absl::Duration kDiskRetry = absl::Seconds(1);

// Could be drawn for a round now.
bool MayBeDrawn(const Client& client) { return client.role == v1::VOTER && client.IsConnected() && !client.evicted; }

}  // namespace

StepOptions Federation::StepNow() const {
  StepOptions step = options_.step;
  if (step_size_ > 0) step.size = step_size_;
  return step;
}

void Federation::OpenRound() {
  const uint64_t number = broadcast_.closed + 1;
  if (draining_ || number > options_.rounds.total) return;
  const absl::Time now = environment_.now();
  round_.emplace(options_.rounds, number, now);
  round_opened_ = now;
  broadcast_.open = number;
  broadcast_.ahead = {};

  std::vector<VoterId> awaited, silent;
  for (const auto& [name, client] : registry_.clients()) {
    if (!MayBeDrawn(client)) continue;
    (IsAwaited(client) ? awaited : silent).push_back(client.id);
  }
  asked_.clear();
  // The silent are asked beside the others: one may wake.
  for (std::vector<VoterId>* candidates : {&awaited, &silent}) {
    std::sort(candidates->begin(), candidates->end());
    const std::vector<VoterId> drawn = DrawElectorate(*candidates, options_.rounds.electorate, options_.seed, number);
    asked_.insert(drawn.begin(), drawn.end());
    for (VoterId voter : *candidates) round_->Arrive(voter, asked_.contains(voter), candidates == &awaited);
  }
  for (const auto& [voter, ballot_round] : box_.CompleteLate()) {
    round_->Vote(voter, static_cast<uint32_t>(number - ballot_round));
  }
  for (const auto& [id, session] : sessions_) wake_.insert(id);
}

// A draw from too few leaves seats for those who come later, and who is drawn and leaves without a ballot, or hangs
// where the quorum needs it, leaves one to another. Who is here decides that; the round's result follows from its
// ballots all the same.
void Federation::FillSeats() {
  if (!round_) return;
  const bool is_overdue = round_->IsPastDeadline(environment_.now()) && round_->LacksQuorum();
  const uint32_t taken = round_->ballots() + (is_overdue ? 0 : round_->waiting());
  if (taken >= options_.rounds.electorate) return;
  std::vector<VoterId> candidates;
  for (const auto& [name, client] : registry_.clients()) {
    if (MayBeDrawn(client) && IsAwaited(client) && !asked_.contains(client.id)) candidates.push_back(client.id);
  }
  std::sort(candidates.begin(), candidates.end());
  const uint32_t seats = options_.rounds.electorate - taken;
  for (const VoterId voter : DrawElectorate(candidates, seats, options_.seed, round_->number())) {
    asked_.insert(voter);
    round_->Arrive(voter, true);
    wake_.insert(registry_.FindById(voter)->session);
  }
}

void Federation::CloseIfDue() {
  const absl::Time now = environment_.now();
  if (!round_ || closing_ || IsPaused() || rests_ || !round_->MayClose(now)) return;
  Closing& closing = closing_.emplace(Closing());
  closing.round = round_->number();
  closing.step = StepFor(StepNow(), closing.round, options_.rounds.total);
  closing.ballots = box_.Close(closing.round, round_->Voters(), options_.rounds.max_staleness);
  first_opened_ = std::min(first_opened_, round_opened_);
  closing.row.round = closing.round;
  closing.row.ballots = static_cast<uint32_t>(closing.ballots.size());
  closing.row.step = closing.step.size;
  closing.row.collect_seconds = absl::ToDoubleSeconds(now - round_opened_);
  for (const auto& [voter, ballot] : closing.ballots) closing.row.late += ballot.round < closing.round;
  if (round_->IsPastDeadline(now) && round_->waiting() > 0) NoteMissing(round_->Missing());
  round_.reset();
  broadcast_.open = 0;
  environment_.run([this] { RunClosing(); });
}

void Federation::NoteMissing(const std::vector<VoterId>& missing) {
  for (const VoterId voter : missing) {
    Client& client = *registry_.FindById(voter);
    if (++client.silent_rounds < kPatience) continue;
    spdlog::warn("{} let {} rounds in a row end at their deadline: none waits for it until it sends a ballot",
                 client.name, kPatience);
  }
  Note(v1::MISSED_DEADLINE, "",
       fmt::format("round {} closes without {} of its voters: {}", round_->number(), missing.size(), NamesOf(missing)));
}

// A look at the deadline alone: those who come after it have not had their time.
void Federation::NoteOverdue(absl::Time now) {
  if (!round_ || IsPaused() || !round_->IsPastDeadline(now)) return;
  if (std::exchange(overdue_, round_->number()) == round_->number()) return;
  if (!round_->LacksQuorum() || round_->waiting() == 0) return;
  const std::vector<VoterId> missing = round_->Missing();
  const std::string detail = fmt::format(
      "round {} is past its deadline without {} of its voters: {}; it has {} of the {} ballots that "
      "rounds.quorum asks for, and waits",
      round_->number(), missing.size(), NamesOf(missing), round_->ballots(), options_.rounds.quorum);
  Note(v1::MISSED_DEADLINE, "", detail);
  spdlog::warn("{}", detail);
  FillSeats();
}

std::string Federation::NamesOf(const std::vector<VoterId>& voters) const {
  std::vector<std::string> names;
  for (const VoterId voter : voters) names.push_back(registry_.FindById(voter)->name);
  return NamesText(names);
}

// Ballots that come while the runner judges are looked at by the judgement after it.
void Federation::CloseEarlyIfCertain() {
  if (options_.rounds.close_early == 0 || !round_ || is_judging_ || round_->ballots() < options_.rounds.quorum) return;
  is_judging_ = true;
  environment_.run([this] {
    uint64_t number = 0;
    std::map<VoterId, PendingBallot> ballots;
    std::vector<VoterId> missing;
    {
      MutexLock lock(mu_);
      is_judging_ = false;
      if (!round_ || round_->ballots() == 0) return;
      number = round_->number();
      ballots = box_.Peek(round_->Voters());
      missing = round_->Missing();
    }
    double certainty = 0;
    {
      CoreLock core(this);
      certainty = tally_.Certainty(BallotsByBlock(ballots, number, range_.count), missing, environment_.parallel);
    }
    Locked locked(this);
    if (!round_ || round_->number() != number) return;
    round_->SetCertainty(certainty);
    CloseIfDue();
  });
}

// The journal is written while ballots come in, by the runner; what a round's end leaves to write is little.
void Federation::StageBallot(const BallotKey& key, std::shared_ptr<const SignVector> planes) {
  if (!environment_.store->wants_ballots()) return;
  environment_.run([this, key, planes = std::move(planes)] { environment_.store->Stage(key, *planes); });
}

void Federation::CountBallots() {
  for (const auto& [voter, ballot] : closing_->ballots) {
    registry_.FindById(voter)->Count(ballot.round, ballot.magnitude, closing_->abstained.contains(voter));
    ++ballots_counted_;
  }
}

uint64_t Federation::DecidedRound() {
  CoreLock core(this);
  return tally_.round();
}

Federation::Closing& Federation::CurrentClosing() {
  MutexLock lock(mu_);
  return *closing_;
}

void Federation::RunClosing() {
  // Nobody else touches what is in closing_ while it is set, but for reading who voted.
  Closing& closing = CurrentClosing();
  std::vector<v1::JournalRecord> records;
  if (!closing.frames) {
    for (const auto& [voter, ballot] : closing.ballots) {
      if (Abstains(ballot, range_)) closing.abstained.insert(voter);
    }
    MutexLock lock(mu_);
    closing.prelude.swap(pending_records_);
  }
  {
    CoreLock core(this);
    const absl::Time start = environment_.now();
    if (!closing.frames) {
      ApplyToElectorate(closing.prelude);
      // Without carry too much changes from round to round for a difference to be smaller.
      if (options_.vote.carry > 0) previous_decisions_.assign(tally_.decisions().begin(), tally_.decisions().end());
      const size_t taken =
          tally_.Decode(BallotsByBlock(closing.ballots, closing.round, range_.count), environment_.parallel);
      closing.row.trust = MeanTrust();
      closing.frames = FramesOf(closing, ahead_.step == closing.step ? taken : 0);
      ahead_ = {};
    }
    records = RecordsOf(closing);
    closing.row.decode_seconds += absl::ToDoubleSeconds(environment_.now() - start);
  }
  if (!Journal(records)) return;  // Tick runs it again
  // A model of one block moves sooner than a packet is sent: its decision goes out with the end of the round.
  if (range_.count > 1) PublishDecisions();
  const bool is_lent = HoldBackParameters();
  std::shared_ptr<const Snapshot> applied;
  {
    CoreLock core(this);
    if (is_lent) tally_.MoveOnInACopy();
    tally_.Apply(closing.step, environment_.parallel);
    applied = ShareParameters();
  }
  PublishRound(std::move(applied));
}

bool Federation::HoldBackParameters() {
  MutexLock lock(mu_);
  const auto is_loading = [](const auto& session) { return session.second.feed.IsLoading(); };
  if (std::none_of(sessions_.begin(), sessions_.end(), is_loading)) snapshot_.reset();
  const std::shared_ptr<const Snapshot> newest = std::exchange(newest_, nullptr);
  return snapshot_ == newest;
}

// Evictions take effect between rounds, where the journal says so.
void Federation::ApplyToElectorate(std::span<const v1::JournalRecord> records) {
  for (const v1::JournalRecord& record : records) {
    if (record.has_client()) tally_.electorate().SetEvicted(record.client().client_id(), record.client().evicted());
  }
}

double Federation::MeanTrust() {
  double sum = 0;
  for (uint64_t i = 0; i < range_.count; ++i) sum += tally_.rule(range_.first + i).Report(0).trust;
  return sum / static_cast<double>(range_.count);
}

ClosedRound Federation::FramesOf(const Closing& closing, size_t kept) {
  ClosedRound frames;
  frames.number = closing.round;
  frames.kept = kept;
  frames.decisions.assign(ahead_.frames.begin(), ahead_.frames.begin() + static_cast<ptrdiff_t>(kept));
  frames.decisions.resize(range_.count);
  const std::span<const SignVector> before = previous_decisions_, now = tally_.decisions();
  environment_.parallel(range_.count - kept, [&](size_t i) {
    const size_t index = kept + i;
    frames.decisions[index] = MakeDecision(closing.round, closing.step, range_.first + index, now[index],
                                           before.empty() ? nullptr : &before[index], false);
  });
  return frames;
}

std::vector<v1::JournalRecord> Federation::RecordsOf(const Closing& closing) {
  std::vector<v1::JournalRecord> records;
  if (!environment_.store->wants_decisions()) return records;
  records = closing.prelude;
  v1::RoundRecord& round = *records.emplace_back().mutable_round();
  round.set_round(closing.round);
  round.set_step(closing.step.size);
  round.set_decay(closing.step.decay);
  *round.mutable_before() = ToProto(tally_.fingerprint());
  for (const auto& [voter, ballot] : closing.ballots) {
    round.add_voters(voter);
    if (closing.row.late > 0) round.add_ages(static_cast<uint32_t>(closing.round - ballot.round));
    round.add_fractions(ballot.fraction);
    round.add_magnitudes(ballot.magnitude);
  }
  for (const VoterId voter : closing.abstained) round.add_abstained(voter);
  if (environment_.store->wants_ballots()) {
    for (const auto& [voter, ballot] : closing.ballots) {
      for (uint64_t i = 0; i < range_.count; ++i) {
        const BallotKey key{voter, ballot.round, range_.first + i};
        if (!environment_.store->IsStaged(key)) records.push_back(RecordOf(key, *ballot.blocks[i]));
      }
    }
  }
  for (uint64_t i = 0; i < range_.count; ++i) {
    const uint64_t block = range_.first + i;
    v1::DecisionRecord& record = *records.emplace_back().mutable_decision();
    record.set_block(block);
    EncodeSigns(tally_.decisions()[i].signs, tally_.decisions()[i].zeros, {}, record.mutable_signs());
  }
  records.emplace_back().mutable_round_end()->set_round(closing.round);
  return records;
}

bool Federation::Journal(std::span<const v1::JournalRecord> records) {
  const absl::Time start = environment_.now();
  const absl::Status status = environment_.store->Append(records);
  MutexLock lock(mu_);
  closing_->row.journal_seconds += absl::ToDoubleSeconds(environment_.now() - start);
  if (status.ok()) {
    if (!disk_problem_.empty()) {
      Note(v1::DISK_ACCEPTED, "", "the journal can be written again");
      spdlog::info("the journal can be written again: going on with round {}", closing_->round);
    }
    disk_problem_.clear();
    return true;
  }
  if (disk_problem_.empty()) {
    Note(v1::DISK_REFUSED, "", Message(status));
    spdlog::error("round {} waits for the disk: {}", closing_->round, Message(status));
  }
  disk_problem_ = Message(status);
  retry_at_ = environment_.now() + kDiskRetry;
  return false;
}

void Federation::PublishDecisions() {
  Locked locked(this);
  broadcast_.history.Add(*std::exchange(closing_->frames, std::nullopt));
  for (const auto& [id, session] : sessions_) wake_.insert(id);
}

void Federation::PublishRound(std::shared_ptr<const Snapshot> applied) {
  std::function<void()> checkpoint;
  RoundRow row;
  {
    Locked locked(this);
    if (closing_->frames) broadcast_.history.Add(*std::exchange(closing_->frames, std::nullopt));
    ClosedRound& newest = broadcast_.history.Newest();
    v1::ServerMessage message;
    v1::RoundClosed& closed = *message.mutable_round_closed();
    closed.set_round(closing_->round);
    *closed.mutable_fingerprint() = ToProto(applied->fingerprint);
    closed.set_ballots(closing_->row.ballots);
    newest.closed = MakeFrame(message);
    newest.fingerprint = closed_fingerprint_ = applied->fingerprint;
    broadcast_.closed = closing_->round;
    newest_ = std::move(applied);
    CountBallots();

    row = closing_->row;
    row.seconds = seconds_before_ + absl::ToDoubleSeconds(environment_.now() - first_opened_);
    row.bytes_up = bytes_up_ - row_bytes_up_;
    row.bytes_down = bytes_down_ - row_bytes_down_;
    row_bytes_up_ = bytes_up_;
    row_bytes_down_ = bytes_down_;
    const double took = absl::ToDoubleSeconds(environment_.now() - round_opened_);
    seconds_per_round_ = last_row_.round == 0 ? took : 0.9 * seconds_per_round_ + 0.1 * took;
    last_row_ = row;
    ++rounds_closed_;
    all_rounds_.set_collect_seconds(all_rounds_.collect_seconds() + row.collect_seconds);
    all_rounds_.set_decode_seconds(all_rounds_.decode_seconds() + row.decode_seconds);
    all_rounds_.set_journal_seconds(all_rounds_.journal_seconds() + row.journal_seconds);
    closing_.reset();

    for (const auto& [id, session] : sessions_) wake_.insert(id);
    if (broadcast_.closed >= options_.rounds.total) {
      finished_at_ = environment_.now();
      Note(v1::RUN_ENDED, "", "the last round is closed");
    }
    OpenRound();
    CloseIfDue();
  }
  environment_.on_round(row);
  if (options_.checkpoint_every == 0 || row.round % options_.checkpoint_every != 0) return;
  if (is_writing_checkpoint_) {
    spdlog::warn("no checkpoint of round {}: the one before is still being written", row.round);
    return;
  }
  Checkpoint([](absl::StatusOr<v1::CheckpointResponse> response) {
    if (!response.ok()) spdlog::error("no checkpoint: {}", Message(response.status()));
  });
}

absl::Time Federation::Tick() {
  Locked locked(this);
  const absl::Time now = environment_.now();
  if (now >= retry_at_) {
    retry_at_ = absl::InfiniteFuture();
    environment_.run([this] { RunClosing(); });
  }
  EndUnjoined(now);
  if (now >= pause_ends_) GoOn("at the end of the pause's time");
  CloseIfDue();
  NoteOverdue(now);
  absl::Time next = std::min(retry_at_, pause_ends_);
  if (round_) next = std::min(next, round_->NextLook(now));
  return next;
}

}  // namespace signvote
