// The DRAM channel: one bus for reads and writes, a burst at a time, and a fixed latency of reads.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <deque>
#include <systemc>
#include <tlm>
#include <vector>

#include "sim/system/parts.hpp"

namespace if4 {

/// Approximately timed (nb_transport). BEGIN_REQ starts a burst on the idle bus. END_REQ comes in the cycle
/// in which the bus moves the burst's last byte, and makes it idle: its delay is zero if the bus has time
/// left in this cycle, and a cycle if it has none. A write is then done; the data of a read follow with
/// BEGIN_RESP, `dram_latency` cycles later. transport_dbg moves bytes at once.
class DramChannel : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk;
  tlm_utils::simple_target_socket<DramChannel> socket;

  DramChannel(const sc_core::sc_module_name& name, const SystemConfig& config, const CycleCounter& cycle,
              std::uint64_t bytes);

  /// The bytes that it holds.
  std::vector<std::uint8_t>& memory() { return memory_; }
  /// Bursts that have begun.
  std::uint64_t bursts() const { return bursts_; }

 private:
  struct Response {
    std::uint64_t cycle;  // in which it is due
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
  // A delta cycle after the edge, when the DMA has asked for the burst that this cycle starts with.
  sc_core::sc_event tick_;
  tlm::tlm_generic_payload* current_ = nullptr;  // the burst on the bus
  std::uint64_t left_ = 0;                       // what is left of it, in thousandths of a byte
  std::deque<Response> responses_;
  std::uint64_t bursts_ = 0;
};

}  // namespace if4
