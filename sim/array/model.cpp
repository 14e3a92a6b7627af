// The C++ model of the array. The cycles follow from counting the movements of the array; the values are
// those of the golden MAC.
#include <algorithm>
#include <deque>

#include "sim/array/core.hpp"
#include "sim/array/output_stage.hpp"

namespace if4 {
namespace {

class ArrayModel final : public ArrayCore {
 public:
  explicit ArrayModel(const ArrayConfig& config)
      : ArrayCore(config),
        rows_(static_cast<std::size_t>(config.rows)),
        columns_(static_cast<std::size_t>(config.columns)),
        blocks_(static_cast<std::size_t>(blocks_per_beat(config.mac))),
        interval_(tile_interval(config)),
        pipeline_(static_cast<std::size_t>(cell_edges(config) - 1)),
        macs_(rows_ * columns_, ExactMac(config.mac)),
        ready_(static_cast<std::size_t>(output_count(config)), false),
        stages_(ready_.size(), OutputStage(config)),
        held_(rows_ * columns_),
        results_(rows_ * columns_) {
    ArrayModel::reset();
  }

  void drive(const Block* a, const Block* w, bool last) override {
    valid_ = true;
    last_ = last;
    a_.assign(a, a + rows_ * blocks_);
    w_.assign(w, w + columns_ * blocks_);
  }
  void drive_idle() override { valid_ = false; }
  void set_ready(int output, bool ready) override { ready_.at(static_cast<std::size_t>(output)) = ready; }

  bool ready() const override { return !register_.valid || (advances() && issues()); }
  bool valid(int output) const override { return stages_.at(static_cast<std::size_t>(output)).valid(); }
  MacResult result(int output) const override {
    return stages_.at(static_cast<std::size_t>(output)).result();
  }

  void reset() override {
    register_.valid = false;
    gap_ = interval_;
    issued_.assign(pipeline_ + rows_ + columns_ - 1, nullptr);
    macs_.assign(macs_.size(), ExactMac(config().mac));
    for (OutputStage& stage : stages_) stage.reset();
    std::fill(held_.begin(), held_.end(), false);
    turn_ = turn_taken_ = 0;
  }
  void reset_between_edges() override { reset(); }

 private:
  using Tile = std::vector<MacResult>;

  std::size_t cell(std::size_t row, std::size_t column) const { return row * columns_ + column; }
  std::size_t output_of(std::size_t column) const { return config().shared_output ? 0 : column; }

  // Whether the results of the column move down at the next edge.
  bool shifts(std::size_t column) const {
    if (config().shared_output && column != turn_) return false;
    const std::size_t output = output_of(column);
    return held_[cell(rows_ - 1, column)] && stages_[output].ready(ready_[output]);
  }

  // Calls visit(row, column, tile) for every cell that has the sum of a tile for its result register.
  template <class Visit>
  void for_captures(Visit visit) const {
    for (std::size_t d = 0; d + 1 < rows_ + columns_; ++d) {
      const auto& tile = issued_[pipeline_ + d];
      if (!tile) continue;
      const std::size_t first = d < columns_ ? 0 : d - (columns_ - 1);
      for (std::size_t r = first; r < rows_ && r <= d; ++r) visit(r, d - r, *tile);
    }
  }

  bool advances() const {
    bool stalled = false;
    for_captures([&](std::size_t r, std::size_t c, const Tile&) {
      stalled = stalled || (held_[cell(r, c)] && !shifts(c));
    });
    return !stalled;
  }

  // Whether the beat in the input register goes into the array, if the array moves.
  bool issues() const { return register_.valid && !(register_.last && gap_ < interval_); }

  void clock() override {
    const bool accept = ready();
    const bool advance = advances();
    std::vector<bool> shift(columns_);
    for (std::size_t c = 0; c < columns_; ++c) shift[c] = shifts(c);

    for (std::size_t o = 0; o < stages_.size(); ++o) {
      const std::size_t column = config().shared_output ? turn_ : o;
      const MacResult* bottom = shift[column] ? &results_[cell(rows_ - 1, column)] : nullptr;
      stages_[o].clock(ready_[o], bottom);
    }
    if (config().shared_output && shift[turn_] && ++turn_taken_ == rows_) {
      turn_taken_ = 0;
      turn_ = (turn_ + 1) % columns_;
    }

    for (std::size_t c = 0; c < columns_; ++c) {
      if (!shift[c]) continue;
      for (std::size_t r = rows_ - 1; r > 0; --r) {
        if (held_[cell(r - 1, c)]) results_[cell(r, c)] = results_[cell(r - 1, c)];
        held_[cell(r, c)] = held_[cell(r - 1, c)];
      }
      held_[cell(0, c)] = false;
    }
    if (advance) {
      for_captures([&](std::size_t r, std::size_t c, const Tile& tile) {
        results_[cell(r, c)] = tile[cell(r, c)];
        if (r + 1 < rows_) return;
        for (std::size_t above = 0; above < rows_; ++above) held_[cell(above, c)] = true;
      });
      issued_.pop_back();
      issued_.push_front(issues() ? issue() : nullptr);
      if (issues() && register_.last) {
        gap_ = 1;
      } else {
        gap_ = std::min(gap_ + 1, interval_);
      }
    }

    if (accept) {
      register_.valid = valid_;
      if (valid_) {
        register_.last = last_;
        register_.a = a_;
        register_.w = w_;
      }
    }
  }

  // Adds the beat to the sums of all cells at once, since no sum depends on when a cell adds it. Returns the
  // results of the tile if this was its last beat, otherwise null.
  std::shared_ptr<Tile> issue() {
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < columns_; ++c) {
        macs_[cell(r, c)].beat(&register_.a[r * blocks_], &register_.w[c * blocks_]);
      }
    }
    if (!register_.last) return nullptr;
    auto tile = std::make_shared<Tile>();
    for (ExactMac& mac : macs_) tile->push_back(mac.finish());
    return tile;
  }

  std::size_t rows_, columns_, blocks_;
  int interval_;
  // Movements of a cell from the one that brings a last beat to the one that captures its sum, less 1.
  std::size_t pipeline_;

  bool valid_ = false, last_ = false;  // the inputs as they are driven
  std::vector<Block> a_, w_;
  struct {
    bool valid = false, last = false;
    std::vector<Block> a, w;
  } register_;
  int gap_ = 0;  // movements of the array since a last beat was issued; saturates at interval_
  // For each of the latest movements, the newest first: the tile that the last beat issued in it ended, or
  // null.
  std::deque<std::shared_ptr<Tile>> issued_;
  std::vector<ExactMac> macs_;

  std::vector<bool> ready_;
  std::vector<OutputStage> stages_;
  std::vector<bool> held_;  // the result register of the cell has a result that may move down
  std::vector<MacResult> results_;
  // The shared output: the column whose results it takes, and how many of them it has taken.
  std::size_t turn_ = 0, turn_taken_ = 0;
};

}  // namespace

std::unique_ptr<ArrayCore> make_array_model(const ArrayConfig& config) {
  check(config);
  return std::make_unique<ArrayModel>(config);
}

}  // namespace if4
