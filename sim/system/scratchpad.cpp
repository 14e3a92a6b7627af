#include "sim/system/scratchpad.hpp"

#include <algorithm>
#include <cstring>

namespace if4 {

Scratchpad::Scratchpad(const sc_core::sc_module_name& name, const SystemConfig& config,
                       const Geometry& geometry, Operand operand)
    : sc_module(name),
      read("read"),
      blocks("blocks", static_cast<std::size_t>(operand == Operand::kActivations ? config.array.rows
                                                                                 : config.array.columns)),
      socket("socket"),
      format_(config.array.mac.format),
      per_beat_(static_cast<std::uint64_t>(blocks_per_beat(config.array.mac))),
      per_row_(geometry.blocks),
      block_bytes_(geometry.block_bytes),
      panel_bytes_(geometry.side(operand).panel_bytes),
      half_bytes_(geometry.side(operand).per_group * panel_bytes_),
      bytes_(2 * half_bytes_) {
  SC_HAS_PROCESS(Scratchpad);
  SC_METHOD(output);
  sensitive << read;
  socket.register_b_transport(this, &Scratchpad::write);
  socket.register_transport_dbg(this, &Scratchpad::debug);
}

std::uint64_t Scratchpad::address(const PanelPlace& place) const {
  return place.half * half_bytes_ + place.position * panel_bytes_;
}

void Scratchpad::output() {
  const PanelRead& panel = read.read();
  for (std::uint64_t row = 0; row < blocks.size(); ++row) {
    EdgeBlocks edge{};
    if (panel.valid && row < panel.rows) {
      const std::uint64_t first = panel.beat * per_beat_;
      const std::uint64_t count = std::min(per_beat_, per_row_ - first);
      const std::uint64_t from = address(panel.place) + (row * per_row_ + first) * block_bytes_;
      for (std::uint64_t b = 0; b < count; ++b)
        edge.blocks[b] = load_block(format_, &bytes_[from + b * block_bytes_]);
    }
    blocks[row].write(edge);
  }
}

void Scratchpad::write(tlm::tlm_generic_payload& access, sc_core::sc_time& /*delay*/) { debug(access); }

unsigned int Scratchpad::debug(tlm::tlm_generic_payload& access) {
  const std::uint64_t address = access.get_address();
  const std::size_t length = access.get_data_length();
  if (!access.is_write() || address > bytes_.size() || length > bytes_.size() - address) {
    access.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return 0;
  }
  std::memcpy(&bytes_[address], access.get_data_ptr(), length);
  access.set_response_status(tlm::TLM_OK_RESPONSE);
  return static_cast<unsigned int>(length);
}

}  // namespace if4
