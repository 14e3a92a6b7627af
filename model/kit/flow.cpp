// Testpoints of the flow of beats and results: lengths, stalls, resets.
#include <array>

#include "model/kit/random_pairs.hpp"
#include "model/kit/stimuli.hpp"

namespace if4 {

namespace {

BlockPairs random_dot_product(Stimuli& stimuli, std::size_t beats) {
  return random_beats(stimuli.random(), beats, Mix::kFinite, stimuli.config());
}

void add_lengths(Stimuli& stimuli) {
  stimuli.testpoint("flow.back_to_back");
  for (int n = 0; n < 64; ++n) stimuli.dot_product(stimuli.random_beat());
  stimuli.testpoint("flow.lengths");
  for (std::size_t beats = 1; beats <= 12; ++beats) {
    stimuli.dot_product(random_dot_product(stimuli, beats));
    stimuli.dot_product(random_dot_product(stimuli, 13 - beats));
  }
  stimuli.testpoint("flow.long");
  stimuli.dot_product(random_dot_product(stimuli, 150));
  stimuli.dot_product(stimuli.random_beat());
  stimuli.wait(100);
}

// Beats with pauses of a few clocks between them, of which the unit must make nothing.
void add_pauses(Stimuli& stimuli) {
  stimuli.testpoint("flow.pauses");
  for (unsigned clocks = 1; clocks <= 9; ++clocks) {
    stimuli.slow_dot_product(random_dot_product(stimuli, 3), clocks);
    stimuli.idle(10 - clocks);
    stimuli.dot_product(stimuli.random_beat());
  }
  stimuli.slow_dot_product(random_dot_product(stimuli, 2), 300);
}

void add_stalled(Stimuli& stimuli, const std::string& name, unsigned input, unsigned output) {
  stimuli.testpoint(name);
  for (const unsigned half : {2U, 1U}) {
    stimuli.stalls(input / half, output / half);
    for (std::size_t n = 0; n < 72; ++n)
      stimuli.dot_product(random_dot_product(stimuli, n % 4 == 0 ? 1 + n % 24 / 4 : 1));
  }
  stimuli.stalls(0, 0);
  stimuli.wait(16);
}

// valid_o must come without ready_i, and stay, with its result, until that comes. The unit may be empty or full then.
void add_holds(Stimuli& stimuli) {
  stimuli.testpoint("stalls.hold");
  for (const unsigned clocks : {1U, 2U, 4U, 7U, 11U, 40U, 300U}) {
    for (const int results : {1, 12}) {
      stimuli.wait(4);
      stimuli.hold(clocks);
      for (int n = 0; n < results; ++n) stimuli.dot_product(random_dot_product(stimuli, n % 5 == 4 ? 3 : 1));
    }
  }
  stimuli.wait(16);
}

// More results than a FIFO of 128 holds, of which none is taken meanwhile: none may be lost, nor given twice.
void add_full(Stimuli& stimuli) {
  stimuli.testpoint("stalls.full");
  stimuli.hold(200);
  for (int n = 0; n < 160; ++n) stimuli.dot_product(stimuli.random_beat());
  stimuli.wait(16);
}

// Clocks from the last beat to the reset: each stage of a pipeline, and some of what takes one clock for each bit.
constexpr std::array<unsigned, 20> kResetClocks = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                                   10, 11, 12, 20, 31, 44, 59, 70, 84, 97};

// The results of dot products in flight must not come after a reset, and nothing of them may be in those that follow.
void add_resets_in_flight(Stimuli& stimuli, bool between_edges) {
  stimuli.testpoint(between_edges ? "reset.between_edges" : "reset.across_an_edge");
  for (const unsigned clocks : kResetClocks) {
    stimuli.wait(0);
    stimuli.dot_product(random_dot_product(stimuli, 2));
    stimuli.dot_product(stimuli.random_beat());
    if (clocks % 3 == 0) stimuli.unfinished(stimuli.random_beat());
    stimuli.reset(between_edges, clocks);
    if (clocks % 2 != 0) stimuli.wait(clocks < 13 ? 16 : 110);
    stimuli.dot_product(stimuli.random_beat());
  }
  stimuli.wait(16);
}

void add_resets_half_done(Stimuli& stimuli) {
  stimuli.testpoint("reset.half_done");
  for (unsigned clocks = 0; clocks < 10; ++clocks) {
    stimuli.unfinished(random_dot_product(stimuli, 1 + clocks % 3));
    stimuli.reset(clocks % 2 != 0, clocks);
    stimuli.dot_product(stimuli.random_beat());
  }
  // A NaN in the beats that are dropped is none of the dot product that follows.
  stimuli.testpoint("reset.after_nan");
  for (unsigned clocks = 0; clocks < 10; ++clocks) {
    BlockPairs pairs = stimuli.random_beat();
    (clocks % 3 != 0 ? pairs[0].first : pairs[0].second).scale = clocks % 4 < 2 ? 0x7F : 0xFF;
    stimuli.unfinished(pairs);
    stimuli.reset(clocks % 2 == 0, clocks);
    stimuli.dot_product(stimuli.random_beat());
  }
}

// All bits of the sum -1 are 1, and a sum of 0 shows each of them that is left.
void add_resets_of_sum(Stimuli& stimuli) {
  stimuli.testpoint("reset.of_sum");
  for (const bool between_edges : {false, true}) {
    stimuli.unfinished(beats_with_sum(-1, stimuli.config()));
    stimuli.reset(between_edges, 12);
    stimuli.dot_product({});
    stimuli.wait(16);  // or the next reset would drop the result
  }
}

// In each clock of a result's way: what a stage does in one clock only is seen in that one.
void add_resets_in_each_clock(Stimuli& stimuli) {
  stimuli.testpoint("reset.in_each_clock");
  for (unsigned clocks = 0; clocks <= 100; ++clocks) {
    stimuli.dot_product(
        beats_with_sum(clocks % 2 != 0 ? 3 : -largest_beat(stimuli.config()), stimuli.config()));
    stimuli.reset(true, clocks);
    if (clocks % 4 < 2) stimuli.wait(4);
  }
  stimuli.dot_product(stimuli.random_beat());
  stimuli.wait(16);
}

// A result that waits for ready_i is dropped, and so are those behind it.
void add_resets_of_waiting(Stimuli& stimuli) {
  stimuli.testpoint("reset.result_waits");
  for (const bool between_edges : {false, true}) {
    for (const int results : {1, 2}) {
      stimuli.wait(0);
      stimuli.hold(600);
      for (int n = 0; n < results; ++n) {
        BlockPairs pairs = stimuli.random_beat();
        if (results == 2) pairs[0].second.scale = kScaleNaN;
        stimuli.dot_product(std::move(pairs));
      }
      stimuli.reset(between_edges, 200);
      if (results == 1) stimuli.wait(12);
      stimuli.dot_product(stimuli.random_beat());
    }
  }
  stimuli.wait(16);
}

}  // namespace

void add_flow(Stimuli& stimuli) {
  add_lengths(stimuli);
  add_pauses(stimuli);
}

void add_stalls(Stimuli& stimuli) {
  add_stalled(stimuli, "stalls.input", 180, 0);
  add_stalled(stimuli, "stalls.output", 0, 200);
  add_stalled(stimuli, "stalls.both", 120, 120);
  add_holds(stimuli);
  add_full(stimuli);
}

void add_resets(Stimuli& stimuli) {
  add_resets_in_flight(stimuli, false);
  add_resets_in_flight(stimuli, true);
  add_resets_half_done(stimuli);
  add_resets_of_waiting(stimuli);
  add_resets_of_sum(stimuli);
  add_resets_in_each_clock(stimuli);
}

void add_random(Stimuli& stimuli) {
  const auto add = [&](const char* name, Mix mix) {
    stimuli.testpoint(name);
    for (std::size_t n = 0; n < 100; ++n)
      stimuli.dot_product(random_beats(stimuli.random(), 1 + stimuli.random()() % 6, mix, stimuli.config()));
  };
  add("random.finite", Mix::kFinite);
  add("random.extreme", Mix::kExtreme);
  // With NaN, stalls on both sides, and results that come while beats wait.
  stimuli.testpoint("random.stalled");
  stimuli.stalls(60, 60);
  for (std::size_t n = 0; n < 120; ++n)
    stimuli.dot_product(random_beats(stimuli.random(), 1 + n % 3, Mix::kUniform, stimuli.config()));
  stimuli.stalls(0, 0);
  stimuli.wait(64);
}

}  // namespace if4
