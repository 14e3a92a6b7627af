#include "sim/system/dma.hpp"

#include <algorithm>
#include <stdexcept>

namespace if4 {
namespace {

void require_ok(const tlm::tlm_generic_payload& access) {
  if (!access.is_response_ok()) throw std::logic_error("the DMA's address is outside of the memory");
}

}  // namespace

Dma::Dma(const sc_core::sc_module_name& name, const SystemConfig& config, const Geometry& geometry,
         const CycleCounter& cycle, const Scratchpad& activation_pad, const Scratchpad& weight_pad,
         const OutputWriter& writer, Timeline& timeline)
    : sc_module(name),
      clk("clk"),
      rst_n("rst_n"),
      tiles_read("tiles_read"),
      tiles_done("tiles_done"),
      activations_loaded("activations_loaded"),
      weights_loaded("weights_loaded"),
      tiles_stored("tiles_stored"),
      dram("dram"),
      activations("activations"),
      weights("weights"),
      results("results"),
      geometry_(geometry),
      map_(config, geometry),
      burst_bytes_(config.dram_burst),
      cycle_(cycle),
      activation_pad_(activation_pad),
      weight_pad_(weight_pad),
      writer_(writer),
      timeline_(timeline),
      loads_(config, geometry),
      tiles_(config, geometry) {
  SC_HAS_PROCESS(Dma);
  loading_ = loads_.next(load_);
  storing_ = tiles_.next(tile_);
  if (!config.ideal_memory) {
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
  }
  dram.register_nb_transport_bw(this, &Dma::respond);
}

void Dma::edge() {
  if (!rst_n.read()) return;
  read_now_ = tiles_read.read();
  done_now_ = tiles_done.read();
  if (!busy_) request();
}

void Dma::request() { busy_ = store_burst() || load_burst(); }

void Dma::begin(Burst& burst, tlm::tlm_command command, std::uint64_t address) {
  burst.set_command(command);
  burst.set_address(address);
  burst.set_data_ptr(burst.data.data());
  burst.set_data_length(static_cast<unsigned>(burst_bytes_));
  burst.set_streaming_width(static_cast<unsigned>(burst_bytes_));
  burst.set_byte_enable_ptr(nullptr);
  burst.set_dmi_allowed(false);
  burst.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  tlm::tlm_phase phase = tlm::BEGIN_REQ;
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  dram->nb_transport_fw(burst, phase, delay);
}

bool Dma::store_burst() {
  if (!storing_ || tile_.index >= done_now_) return false;
  if (store_offset_ == 0) timeline_.tiles[tile_.index].store_begin = cycle_.now();
  Burst& burst = allocate();
  burst.length = std::min(burst_bytes_, tile_bytes() - store_offset_);
  read_results(writer_.address(tile_.index) + store_offset_, burst.data.data(), burst.length);
  const std::uint64_t address = tile_address() + store_offset_;
  store_offset_ += burst.length;
  burst.last = store_offset_ == tile_bytes();
  bytes_.dram_outputs += burst_bytes_;
  begin(burst, tlm::TLM_WRITE_COMMAND, address);
  return true;
}

bool Dma::load_burst() {
  if (!loading_ || load_.after > read_now_) return false;
  const bool activation = load_.operand == Operand::kActivations;
  if (load_offset_ == 0) timeline_.loads.push_back({load_.operand, load_.panel, cycle_.now(), 0, 0});
  Burst& burst = allocate();
  burst.operand = load_.operand;
  burst.event = timeline_.loads.size() - 1;
  burst.length = std::min(burst_bytes_, load_bytes() - load_offset_);
  burst.to = (activation ? activation_pad_ : weight_pad_).address(load_.place) + load_offset_;
  const std::uint64_t address = map_.panel(load_.operand, load_.panel) + load_offset_;
  load_offset_ += burst.length;
  burst.last = load_offset_ == load_bytes();
  (activation ? bytes_.dram_activations : bytes_.dram_weights) += burst_bytes_;
  if (burst.last) {
    loading_ = loads_.next(load_);
    load_offset_ = 0;
  }
  begin(burst, tlm::TLM_READ_COMMAND, address);
  return true;
}

tlm::tlm_sync_enum Dma::respond(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                                sc_core::sc_time& delay) {
  auto& burst = static_cast<Burst&>(payload);
  if (phase == tlm::BEGIN_RESP) {
    arrive(burst);
    return tlm::TLM_COMPLETED;
  }
  const std::uint64_t next = cycle_.now() + 1;
  if (burst.is_write()) {
    require_ok(burst);
    if (burst.last) {
      timeline_.tiles[tile_.index].store_end = next;
      tiles_stored.write(++stored_);
      store_offset_ = 0;
      storing_ = tiles_.next(tile_);
    }
    burst.release();
  } else if (burst.last) {
    timeline_.loads[burst.event].end = next;
  }
  busy_ = false;
  if (delay == sc_core::SC_ZERO_TIME) request();
  return tlm::TLM_ACCEPTED;
}

void Dma::arrive(Burst& burst) {
  require_ok(burst);
  tlm::tlm_generic_payload write;
  write.set_command(tlm::TLM_WRITE_COMMAND);
  write.set_address(burst.to);
  write.set_data_ptr(burst.data.data());
  write.set_data_length(static_cast<unsigned>(burst.length));
  write.set_streaming_width(static_cast<unsigned>(burst.length));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  const bool activation = burst.operand == Operand::kActivations;
  (activation ? activations : weights)->b_transport(write, delay);
  require_ok(write);
  if (burst.last) {
    timeline_.loads[burst.event].usable = cycle_.now() + 1;
    const std::uint64_t count = ++loaded_[static_cast<std::size_t>(burst.operand)];
    (activation ? activations_loaded : weights_loaded).write(count);
  }
  burst.release();
}

void Dma::read_results(std::uint64_t address, std::uint8_t* data, std::uint64_t length) {
  tlm::tlm_generic_payload read;
  read.set_command(tlm::TLM_READ_COMMAND);
  read.set_address(address);
  read.set_data_ptr(data);
  read.set_data_length(static_cast<unsigned>(length));
  read.set_streaming_width(static_cast<unsigned>(length));
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  results->b_transport(read, delay);
  require_ok(read);
}

Dma::Burst& Dma::allocate() {
  if (free_.empty()) {
    bursts_.push_back(std::make_unique<Burst>());
    bursts_.back()->set_mm(this);
    free_.push_back(bursts_.back().get());
  }
  Burst& burst = *free_.back();
  free_.pop_back();
  burst.data.assign(burst_bytes_, 0);
  burst.acquire();
  return burst;
}

void Dma::free(tlm::tlm_generic_payload* burst) { free_.push_back(static_cast<Burst*>(burst)); }

void Dma::load_all() {
  std::vector<std::uint8_t> data;
  tlm::tlm_generic_payload access;
  const auto debug = [&](auto& socket, tlm::tlm_command command, std::uint64_t address) {
    access.set_command(command);
    access.set_address(address);
    access.set_data_ptr(data.data());
    access.set_data_length(static_cast<unsigned>(data.size()));
    socket->transport_dbg(access);
    require_ok(access);
  };
  for (; loading_; loading_ = loads_.next(load_)) {
    const bool activation = load_.operand == Operand::kActivations;
    data.resize(load_bytes());
    debug(dram, tlm::TLM_READ_COMMAND, map_.panel(load_.operand, load_.panel));
    debug(activation ? activations : weights, tlm::TLM_WRITE_COMMAND,
          (activation ? activation_pad_ : weight_pad_).address(load_.place));
    ++loaded_[static_cast<std::size_t>(load_.operand)];
  }
  activations_loaded.write(loaded_[0]);
  weights_loaded.write(loaded_[1]);
}

void Dma::store_all() {
  std::vector<std::uint8_t> data;
  for (; storing_; storing_ = tiles_.next(tile_)) {
    data.resize(tile_bytes());
    read_results(writer_.address(tile_.index), data.data(), data.size());
    tlm::tlm_generic_payload write;
    write.set_command(tlm::TLM_WRITE_COMMAND);
    write.set_address(tile_address());
    write.set_data_ptr(data.data());
    write.set_data_length(static_cast<unsigned>(data.size()));
    dram->transport_dbg(write);
    require_ok(write);
  }
}

}  // namespace if4
