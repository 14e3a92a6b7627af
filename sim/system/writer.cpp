#include "sim/system/writer.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace if4 {

OutputWriter::OutputWriter(const sc_core::sc_module_name& name, const SystemConfig& config,
                           const Geometry& geometry, const CycleCounter& cycle, Timeline& timeline)
    : sc_module(name),
      clk("clk"),
      rst_n("rst_n"),
      result_valid("result_valid", static_cast<std::size_t>(output_count(config.array))),
      result_ready("result_ready", static_cast<std::size_t>(output_count(config.array))),
      result("result", static_cast<std::size_t>(output_count(config.array))),
      tiles_stored("tiles_stored"),
      tiles_done("tiles_done"),
      socket("socket"),
      config_(config.array),
      geometry_(geometry),
      cycle_(cycle),
      timeline_(timeline),
      tiles_(config, geometry),
      tile_bytes_(geometry.sides[0].panel_rows * geometry.sides[1].panel_rows * sizeof(std::uint32_t)),
      ports_(result.size()),
      bytes_(std::min(geometry.output_slots, geometry.tiles()) * tile_bytes_) {
  SC_HAS_PROCESS(OutputWriter);
  SC_METHOD(edge);
  sensitive << clk.pos();
  dont_initialize();
  socket.register_b_transport(this, &OutputWriter::read);
}

void OutputWriter::edge() {
  for (auto& port : result_ready) port.write(true);
  if (!rst_n.read()) return;
  for (std::size_t port = 0; port < ports_.size(); ++port) {
    if (result_valid[port].read()) take(port);
  }
  const std::uint64_t before = done_;
  while (!filling_.empty() && filling_.front().missing == 0) {
    timeline_.tiles[done_].last_result = cycle_.now();
    filling_.pop_front();
    ++done_;
  }
  if (done_ != before) tiles_done.write(done_);
}

void OutputWriter::take(std::size_t port) {
  Port& from = ports_[port];
  while (from.tile - done_ >= filling_.size()) {
    Filling next{};
    if (!tiles_.next(next.tile)) throw std::logic_error("the array gives more results than there are");
    next.missing = static_cast<std::uint64_t>(config_.rows) * static_cast<std::uint64_t>(config_.columns);
    filling_.push_back(next);
  }
  if (from.tile >= tiles_stored.read() + geometry_.output_slots)
    throw std::logic_error("a result has no room in the output buffer");
  Filling& tile = filling_[from.tile - done_];
  const CellPosition cell = result_position(config_, static_cast<int>(port), from.index);
  const auto row = static_cast<std::uint64_t>(cell.row);
  const auto column = static_cast<std::uint64_t>(cell.column);
  const std::uint64_t columns = tile.tile.operands[1].rows;
  if (row < tile.tile.operands[0].rows && column < columns) {
    const MacResult value = result[port].read();
    nan_ += value.nan ? 1 : 0;
    overflow_ += value.overflow ? 1 : 0;
    std::memcpy(&bytes_[address(from.tile) + (row * columns + column) * sizeof value.bits], &value.bits,
                sizeof value.bits);
  }
  --tile.missing;
  if (++from.index == tile_interval(config_)) {
    from.index = 0;
    ++from.tile;
  }
}

void OutputWriter::read(tlm::tlm_generic_payload& access, sc_core::sc_time& /*delay*/) {
  const std::uint64_t address = access.get_address();
  const std::size_t length = access.get_data_length();
  if (!access.is_read() || address > bytes_.size() || length > bytes_.size() - address) {
    access.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return;
  }
  std::memcpy(access.get_data_ptr(), &bytes_[address], length);
  access.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace if4
