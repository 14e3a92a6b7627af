#include "sim/system/sequencer.hpp"

namespace if4 {

Sequencer::Sequencer(const sc_core::sc_module_name& name, const SystemConfig& config,
                     const Geometry& geometry, const CycleCounter& cycle, Timeline& timeline,
                     BeatIndex& index)
    : sc_module(name),
      clk("clk"),
      rst_n("rst_n"),
      activations_loaded("activations_loaded"),
      weights_loaded("weights_loaded"),
      tiles_done("tiles_done"),
      tiles_stored("tiles_stored"),
      tiles_read("tiles_read"),
      activations("activations"),
      weights("weights"),
      valid("valid"),
      last("last"),
      ready("ready"),
      geometry_(geometry),
      cycle_(cycle),
      timeline_(timeline),
      index_(index),
      tiles_(config, geometry) {
  SC_HAS_PROCESS(Sequencer);
  next_tile();
  SC_METHOD(edge);
  sensitive << clk.pos();
  dont_initialize();
  SC_METHOD(drive);
  sensitive << moved_ << rst_n << activations_loaded << weights_loaded << tiles_stored;
}

void Sequencer::next_tile() {
  active_ = tiles_.next(tile_);
  beat_ = 0;
  if (active_)
    timeline_.tiles.push_back({tile_.operands[0].panel, tile_.operands[1].panel, 0, 0, 0, 0, 0, 0});
}

bool Sequencer::may_start() const {
  return activations_loaded.read() >= tile_.operands[0].loads &&
         weights_loaded.read() >= tile_.operands[1].loads &&
         tile_.index < tiles_stored.read() + geometry_.output_slots;
}

void Sequencer::drive() {
  const bool offer =
      rst_n.read() && active_ && bank_gap_ == 0 && tile_gap_ == 0 && (beat_ != 0 || may_start());
  valid.write(offer);
  last.write(offer && beat_ + 1 == geometry_.beats);
  activations.write({offer, tile_.operands[0].place, tile_.operands[0].rows, beat_});
  weights.write({offer, tile_.operands[1].place, tile_.operands[1].rows, beat_});
  if (!offer) return;
  const auto first_row = [&](std::size_t side) {
    return static_cast<std::uint32_t>(tile_.operands[side].panel * geometry_.sides[side].panel_rows);
  };
  index_ = {static_cast<std::uint32_t>(tile_.index), first_row(0), first_row(1),
            static_cast<std::uint32_t>(beat_)};
}

void Sequencer::accept() {
  TileEvent& event = timeline_.tiles.back();
  if (beat_ == 0) event.first_beat = cycle_.now();
  bank_gap_ = geometry_.beat_gap - 1;
  if (++beat_ < geometry_.beats) return;
  event.last_beat = cycle_.now();
  tiles_read.write(++read_);
  next_tile();
  if (active_) {
    tile_gap_ = geometry_.tile_gap - geometry_.beat_gap;
  } else {
    bank_gap_ = 0;
  }
}

void Sequencer::edge() {
  if (!rst_n.read()) return;
  if (!active_) {
    ++(tiles_done.read() < read_ ? cycles_.fill_drain : cycles_.output);
  } else if (bank_gap_ != 0) {
    ++cycles_.banks;
    --bank_gap_;
  } else if (tile_gap_ != 0) {
    ++cycles_.fill_drain;
    --tile_gap_;
  } else if (valid.read()) {
    TileEvent& event = timeline_.tiles.back();
    if (beat_ == 0 && !offered_) event.offered = cycle_.now();
    offered_ = !ready.read();
    if (ready.read()) {
      ++cycles_.beats;
      accept();
    } else {
      ++cycles_.interval;
    }
  } else if (activations_loaded.read() < tile_.operands[0].loads) {
    ++cycles_.activations;
  } else if (weights_loaded.read() < tile_.operands[1].loads) {
    ++cycles_.weights;
  } else {
    ++cycles_.output;
  }
  moved_.notify(sc_core::SC_ZERO_TIME);
}

}  // namespace if4
