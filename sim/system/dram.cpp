#include "sim/system/dram.hpp"

#include <algorithm>
#include <cstring>

namespace if4 {

DramChannel::DramChannel(const sc_core::sc_module_name& name, const SystemConfig& config,
                         const CycleCounter& cycle, std::uint64_t bytes)
    : sc_module(name),
      clk("clk"),
      socket("socket"),
      cycle_(cycle),
      bandwidth_(config.dram_bandwidth),
      latency_(config.dram_latency),
      memory_(bytes) {
  SC_HAS_PROCESS(DramChannel);
  SC_METHOD(edge);
  sensitive << clk.pos();
  dont_initialize();
  SC_METHOD(serve);
  sensitive << tick_;
  dont_initialize();
  socket.register_nb_transport_fw(this, &DramChannel::begin);
  socket.register_transport_dbg(this, &DramChannel::debug);
}

bool DramChannel::move(tlm::tlm_generic_payload& access) {
  const std::uint64_t address = access.get_address();
  const std::size_t length = access.get_data_length();
  if (address > memory_.size() || length > memory_.size() - address) {
    access.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
    return false;
  }
  if (access.is_write()) {
    std::memcpy(&memory_[address], access.get_data_ptr(), length);
  } else {
    std::memcpy(access.get_data_ptr(), &memory_[address], length);
  }
  access.set_response_status(tlm::TLM_OK_RESPONSE);
  return true;
}

unsigned int DramChannel::debug(tlm::tlm_generic_payload& access) {
  return move(access) ? access.get_data_length() : 0;
}

tlm::tlm_sync_enum DramChannel::begin(tlm::tlm_generic_payload& burst, tlm::tlm_phase& phase,
                                      sc_core::sc_time& /*delay*/) {
  sc_assert(phase == tlm::BEGIN_REQ && current_ == nullptr);
  current_ = &burst;
  left_ = 1000 * std::uint64_t{burst.get_data_length()};
  ++bursts_;
  return tlm::TLM_ACCEPTED;
}

// The bus has moved the last byte of current_. The DMA may begin the next burst in this call.
void DramChannel::finish(bool time_left) {
  tlm::tlm_generic_payload* const burst = current_;
  current_ = nullptr;
  if (burst->is_write()) {
    move(*burst);
  } else {
    responses_.push_back({cycle_.now() + latency_, burst});
  }
  tlm::tlm_phase phase = tlm::END_REQ;
  sc_core::sc_time delay = time_left ? sc_core::SC_ZERO_TIME : kCycleTime;
  socket->nb_transport_bw(*burst, phase, delay);
}

void DramChannel::serve() {
  std::uint64_t capacity = bandwidth_;
  while (current_ != nullptr && capacity != 0) {
    const std::uint64_t moved = std::min(capacity, left_);
    capacity -= moved;
    left_ -= moved;
    if (left_ == 0) finish(capacity != 0);
  }
  while (!responses_.empty() && responses_.front().cycle <= cycle_.now()) {
    tlm::tlm_generic_payload* const burst = responses_.front().burst;
    responses_.pop_front();
    move(*burst);
    tlm::tlm_phase phase = tlm::BEGIN_RESP;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    socket->nb_transport_bw(*burst, phase, delay);
  }
}

}  // namespace if4
