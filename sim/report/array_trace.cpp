#include "sim/report/array_trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "sim/system/schedule.hpp"

namespace if4 {
namespace {

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

TraceWriter::TraceWriter(const std::string& path, const SystemConfig& config) : config_(config), file_(path) {
  file_.write("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
  name("process_name", kProcess, "if4 array");
  name("thread_name", kLayers, "layers");
  name("thread_name", kTiles, "array: beats of tiles");
  name("thread_name", kWaiting, "array: waiting");
  name("thread_name", kResults, "array: results leave");
  name("thread_name", kLoadActivations, "DMA: activations");
  name("thread_name", kLoadWeights, "DMA: weights");
  name("thread_name", kStores, "DMA: results");
}

void TraceWriter::name(const char* what, Track track, const char* text) {
  file_.write(fmt::format(
      "{}{{\"ph\":\"M\",\"pid\":1,\"tid\":{},\"ts\":0,\"name\":\"{}\",\"args\":{{\"name\":\"{}\"}}}}",
      track == kProcess ? "" : ",\n", static_cast<int>(track), what, text));
}

void TraceWriter::span(const char* category, Track track, const std::string& name, std::uint64_t from,
                       std::uint64_t to) {
  if (to <= from) return;
  const auto microseconds = [this](std::uint64_t cycles) {
    return static_cast<double>(cycles) / config_.clock_mhz;
  };
  // Spans of one track must not overlap, so a span begins at the earliest where the one before has ended.
  std::uint64_t& end = ends_[static_cast<std::size_t>(track)];
  const std::uint64_t start = std::max(begin_ + from, end);
  end = std::max(begin_ + to, end);
  file_.write(fmt::format(
      ",\n{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"cat\":\"{}\",\"name\":{},\"ts\":{:.6f},\"dur\":{:.6f},"
      "\"args\":{{\"cycle\":{},\"cycles\":{}}}}}",
      static_cast<int>(track), category, quoted(name), microseconds(start), microseconds(end - start),
      begin_ + from, to - from));
}

void TraceWriter::add(const Layer& layer, const RunStats& stats, const Timeline& timeline,
                      std::uint64_t begin) {
  if (!origin_) origin_ = begin;
  begin_ = begin - *origin_;
  tiles_ += stats.tiles;
  const std::uint64_t cycles = stats.cycles.total();
  span("layer", kLayers, layer.name + " " + to_string(layer.shape), 0, cycles);
  if (layer.count > 1) {
    span("repeat", kLayers,
         fmt::format("{}: {} more {}, not drawn", layer.name, layer.count - 1,
                     layer.count == 2 ? "run" : "runs"),
         cycles, layer.count * cycles);
  }

  // The cycle from which each panel is usable, in the order of the loads of its operand.
  std::vector<std::uint64_t> usable[2];
  for (const LoadEvent& load : timeline.loads) {
    const bool activations = load.operand == Operand::kActivations;
    usable[static_cast<std::size_t>(load.operand)].push_back(load.usable);
    span("dma", activations ? kLoadActivations : kLoadWeights,
         fmt::format("{} {}", activations ? "activations" : "weights", load.panel), load.begin, load.end);
  }
  const Geometry geometry(config_, layer.shape);
  TileStream stream(config_, geometry);
  Tile tile;
  std::uint64_t from = 0;
  for (const TileEvent& event : timeline.tiles) {
    stream.next(tile);
    const auto wait = [&](const char* name, std::uint64_t until) {
      const std::uint64_t to = std::min(std::max(until, from), event.offered);
      span("wait", kWaiting, name, from, to);
      from = to;
    };
    if (!timeline.loads.empty()) {
      wait("waiting for activations", usable[0][tile.operands[0].loads - 1]);
      wait("waiting for weights", usable[1][tile.operands[1].loads - 1]);
    }
    wait("waiting for room for results", event.offered);
    span("wait", kWaiting, "waiting for results to leave", event.offered, event.first_beat);
    const std::string name = fmt::format("tile {},{}", event.activation_panel, event.weight_panel);
    span("tile", kTiles, name, event.first_beat, event.last_beat + 1);
    span("results", kResults, "results of " + name, event.last_beat + 1, event.last_result + 1);
    span("dma", kStores, "results of " + name, event.store_begin, event.store_end);
    from = event.last_beat + geometry.tile_gap;
  }
}

void TraceWriter::leave_out(const Layer& layer, const RunStats& stats, std::uint64_t begin) {
  if (!origin_) return;
  begin_ = begin - *origin_;
  span("repeat", kLayers,
       fmt::format("{} {}: {} {}, not drawn", layer.name, to_string(layer.shape), layer.count,
                   layer.count == 1 ? "run" : "runs"),
       0, layer.count * stats.cycles.total());
}

void TraceWriter::commit() {
  file_.write("\n]}\n");
  file_.commit();
}

}  // namespace if4
