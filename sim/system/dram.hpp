// The DRAM channel: one bus for reads and writes, a burst at a time, and a fixed latency of reads.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <systemc>
#include <tlm>
#include <vector>

#include "sim/system/config.hpp"
#include "sim/system/parts.hpp"

namespace if4 {

/// Approximately timed (nb_transport): BEGIN_REQ starts a burst on the idle bus; END_REQ, with the bus's last
/// byte, makes it idle. A write is then done; a read's data follow with BEGIN_RESP, `dram_latency` cycles
/// later. The delay of END_REQ is zero where the bus has time left in this cycle, and a cycle where it has
/// none. transport_dbg moves bytes at once.
class DramChannel : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk;
  tlm_utils::simple_target_socket<DramChannel> socket;

  DramChannel(const sc_core::sc_module_name& name, const SystemConfig& config, const CycleCounter& cycle,
              std::uint64_t bytes);

  /// What it holds.
  std::vector<std::uint8_t>& memory() { return memory_; }
  /// Bursts begun.
  std::uint64_t bursts() const { return bursts_; }

 private:
  struct Response {
    std::uint64_t cycle;
    tlm::tlm_generic_payload* burst;
  };

  void edge() { tick_.notify(sc_core::SC_ZERO_TIME); }
  void serve();
  void finish(bool time_left);
  tlm::tlm_sync_enum begin(tlm::tlm_generic_payload& burst, tlm::tlm_phase& phase, sc_core::sc_time& delay);
  unsigned int debug(tlm::tlm_generic_payload& access);
  bool move(tlm::tlm_generic_payload& access);

  const CycleCounter& cycle_;
  const std::uint64_t bandwidth_, latency_;
  std::vector<std::uint8_t> memory_;
  sc_core::sc_event tick_;  // a delta after the edge: the DMA has asked for what this cycle starts with
  tlm::tlm_generic_payload* current_ = nullptr;
  std::uint64_t left_ = 0;  // of current_, in thousandths of a byte
  std::deque<Response> responses_;
  std::uint64_t bursts_ = 0;
};

}  // namespace if4
