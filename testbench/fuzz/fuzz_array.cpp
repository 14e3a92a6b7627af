// libFuzzer target over what `if4 array` reads: topologies, configurations, and the config.json of models. Whatever the bytes are, a
// reader gives something within its ranges or throws an InputError of one line. The cycles
// of a product on that configuration are then counted, if that does not take too long, and the counts must be
// possible ones.
#include "model/core/text.hpp"
#include "sim/network/model_config.hpp"
#include "sim/network/topology.hpp"
#include "sim/system/fast_timing.hpp"
#include "testbench/fuzz/fuzzing.hpp"

namespace {

using namespace if4;
using namespace if4::testing;

bool in_range(std::uint64_t value) { return value >= 1 && value <= kMaxGemmSize; }

void check_layers(const std::vector<Layer>& layers) {
  require(!layers.empty(), "a topology has layers");
  for (const Layer& layer : layers) {
    const GemmShape& shape = layer.shape;
    require(in_range(shape.m) && in_range(shape.n) && in_range(shape.k) && in_range(layer.count),
            "the sizes of a layer are in their range");
    require(!layer.name.empty() && !layer.place.empty(), "a layer has a name and a place");
  }
}

// What is written of a topology is read as it was.
void check_written(const std::vector<Layer>& layers) {
  static const MemoryFile output;
  const std::string text = topology_text(layers, {"fuzz"});
  output.put(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  const std::vector<Layer> read = read_topology(output.path());
  require(read.size() == layers.size(), "every layer that is written is read");
  for (std::size_t i = 0; i < read.size(); ++i) {
    require(read[i].shape == layers[i].shape && read[i].count == layers[i].count, "its numbers are");
    require(read[i].name == one_line(layers[i].name), "its name is");
  }
}

void check_model(const ModelConfig& config) {
  for (const std::uint64_t number :
       {config.hidden, config.layers, config.heads, config.kv_heads, config.head_size,
        config.experts_per_token, config.window, config.image, config.patch})
    require(number <= kMaxGemmSize, "the numbers of a model are in their range");
  require(config.heads == 0 || config.heads % config.kv_heads == 0, "heads of keys divide those of queries");
}

void check_run(const SystemConfig& config, const GemmShape& shape) {
  constexpr std::uint64_t kMostTiles = 2000;
  try {
    const Geometry geometry(config, shape);
    if (geometry.tiles() > kMostTiles) return;
    Timeline timeline;
    const RunStats stats = fast_timing(config, shape, &timeline);
    require(fast_timing(config, shape) == stats, "skipping changes no count");
    const CycleCounts& cycles = stats.cycles;
    require(stats.tiles == geometry.tiles() && timeline.tiles.size() == stats.tiles, "every tile runs");
    require(cycles.beats == stats.tiles * geometry.beats, "every beat is accepted once");
    require(static_cast<Int128>(cycles.total()) <= geometry.most_ticks, "the bound of the cycles holds");
    require(static_cast<Int128>(stats.bytes.dram()) <= geometry.most_ticks, "the bound of the bytes holds");
    std::uint64_t end = 0;
    for (const TileEvent& tile : timeline.tiles) {
      require(tile.offered <= tile.first_beat && tile.first_beat <= tile.last_beat &&
                  tile.last_beat < tile.last_result,
              "a tile's events are in order");
      require(tile.first_beat >= end, "a tile begins after the one before was read");
      end = tile.last_beat + 1;
    }
    const TileEvent& last = timeline.tiles.back();
    require(cycles.total() == (config.ideal_memory ? last.last_result + 1 : last.store_end),
            "the run ends with its last tile");
  } catch (const InputError&) {
    // The product does not fit this system.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if4::testing::note_input(data, size);
  static const MemoryFile input;
  input.put(data, size);
  std::vector<Layer> layers;
  attempt([&] { layers = read_topology(input.path()); });
  if (!layers.empty()) {
    check_layers(layers);
    check_written(layers);
  }
  attempt([&] { check_model(read_model_config(input.path())); });
  SystemConfig config;
  bool read = false;
  attempt([&] {
    read_config(input.path(), config);
    read = true;
  });
  if (!read) return 0;
  check(config);  // Whatever the reader admits must work.
  for (const GemmShape& shape :
       {GemmShape{1, 1, 1}, {40, 70, 200}, {3, 500, 33}, {kMaxGemmSize, 1, kMaxGemmSize}})
    check_run(config, shape);
  return 0;
}
