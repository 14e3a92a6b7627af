#include "sim/array/grid.hpp"

#include <deque>
#include <vector>

#include "sim/array/cell.hpp"
#include "sim/array/output_stage.hpp"

namespace if4 {
namespace {

template <class T>
using Signals = sc_core::sc_vector<sc_core::sc_signal<T>>;

// The input register, and the signal by which everything in the array moves or stands still.
class InputRegister : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk{"clk"}, rst_n{"rst_n"}, valid{"valid"}, last{"last"};
  sc_core::sc_vector<sc_core::sc_in<EdgeBlocks>> in;  // first the rows, then the columns
  sc_core::sc_vector<sc_core::sc_in<bool>> stall;     // of every cell
  sc_core::sc_out<bool> ready{"ready"}, advance{"advance"};
  sc_core::sc_vector<sc_core::sc_out<EdgeBlocks>> out;
  sc_core::sc_out<bool> issue{"issue"}, issue_last{"issue_last"};

  InputRegister(const sc_core::sc_module_name& name, const ArrayConfig& config)
      : sc_module(name),
        in("in", static_cast<std::size_t>(config.rows + config.columns)),
        stall("stall", static_cast<std::size_t>(config.rows * config.columns)),
        out("out", in.size()),
        interval_(tile_interval(config)),
        gap_(interval_) {
    SC_HAS_PROCESS(InputRegister);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << moved_;
    for (auto& port : stall) sensitive << port;
  }

 private:
  bool holds() const { return last_ && gap_ < interval_; }
  bool moves() const {
    for (const auto& port : stall) {
      if (port.read()) return false;
    }
    return true;
  }

  void edge() {
    if (!rst_n.read()) {
      full_ = false;
      gap_ = interval_;
    } else {
      const bool accept = !full_ || (moves() && !holds());
      if (moves()) {
        if (full_ && !holds() && last_) {
          gap_ = 1;
        } else if (gap_ < interval_) {
          ++gap_;
        }
      }
      if (accept) full_ = valid.read();
      if (accept && valid.read()) {
        last_ = last.read();
        for (std::size_t i = 0; i < in.size(); ++i) out[i].write(in[i].read());
      }
    }
    moved_.notify(sc_core::SC_ZERO_TIME);
  }

  void settle() {
    advance.write(moves());
    ready.write(!full_ || (moves() && !holds()));
    issue.write(full_ && !holds());
    issue_last.write(last_);
  }

  int interval_;
  int gap_;
  bool full_ = false, last_ = false;
  sc_core::sc_event moved_;
};

// The skew registers of a row or column, and the decoder in front of them.
class Edge : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk{"clk"}, rst_n{"rst_n"}, advance{"advance"}, valid{"valid"}, last{"last"};
  sc_core::sc_in<EdgeBlocks> in{"in"};
  sc_core::sc_out<CellOperands> out{"out"};

  Edge(const sc_core::sc_module_name& name, const MacConfig& config, int skew)
      : sc_module(name), config_(config), skew_(static_cast<std::size_t>(skew)) {
    SC_HAS_PROCESS(Edge);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << in << valid << last << moved_;
  }

 private:
  CellOperands arriving() const {
    CellOperands operands = decode_operands(config_, in.read());
    operands.valid = valid.read();
    operands.last = last.read();
    return operands;
  }
  void edge() {
    if (!rst_n.read()) {
      for (CellOperands& operands : skew_) operands.valid = false;
    } else if (advance.read() && !skew_.empty()) {
      skew_.push_back(arriving());
      skew_.pop_front();
    }
    moved_.notify(sc_core::SC_ZERO_TIME);
  }
  void settle() { out.write(skew_.empty() ? arriving() : skew_.front()); }

  MacConfig config_;
  std::deque<CellOperands> skew_;  // the oldest first
  sc_core::sc_event moved_;
};

// The FP32 stage of one column, or of all columns, and the signals by which their results move down.
class Output : public sc_core::sc_module {
 public:
  sc_core::sc_in<bool> clk{"clk"}, rst_n{"rst_n"}, result_ready{"result_ready"};
  sc_core::sc_vector<sc_core::sc_in<CellResult>> bottom;  // result registers of its columns' bottom cells
  sc_core::sc_vector<sc_core::sc_out<bool>> shift;
  sc_core::sc_out<bool> result_valid{"result_valid"};
  sc_core::sc_out<MacResult> result{"result"};

  Output(const sc_core::sc_module_name& name, const ArrayConfig& config)
      : sc_module(name),
        bottom("bottom", static_cast<std::size_t>(config.shared_output ? config.columns : 1)),
        shift("shift", bottom.size()),
        mac_(config.mac),
        rows_(config.rows),
        stage_(config) {
    SC_HAS_PROCESS(Output);
    SC_METHOD(edge);
    sensitive << clk.pos();
    dont_initialize();
    SC_METHOD(settle);
    sensitive << result_ready << moved_;
    for (auto& port : bottom) sensitive << port;
  }

 private:
  bool taken() const { return stage_.valid() && result_ready.read(); }
  bool moves(std::size_t column) const {
    return column == turn_ && bottom[column].read().held && stage_.ready(taken());
  }

  void edge() {
    if (!rst_n.read()) {
      stage_.reset();
      turn_ = 0;
      taken_ = 0;
    } else if (moves(turn_)) {
      const MacResult result = round(bottom[turn_].read());
      stage_.clock(taken(), &result);
      if (++taken_ == rows_) {
        taken_ = 0;
        turn_ = (turn_ + 1) % bottom.size();
      }
    } else {
      stage_.clock(taken(), nullptr);
    }
    moved_.notify(sc_core::SC_ZERO_TIME);
  }
  void settle() {
    for (std::size_t c = 0; c < shift.size(); ++c) shift[c].write(moves(c));
    result_valid.write(stage_.valid());
    result.write(stage_.result());
  }
  MacResult round(const CellResult& sum) const {
    if (sum.nan) return {kResultNaN, true, false};
    if (sum.overflow) return {kResultNaN, false, true};
    return {round_sum(mac_, sum.sum), false, false};
  }

  MacConfig mac_;
  int rows_;
  OutputStage stage_;
  std::size_t turn_ = 0;  // the column whose results it takes
  int taken_ = 0;         // how many results of that column it has taken
  sc_core::sc_event moved_;
};

class GridModule final : public ArrayModule {
 public:
  GridModule(const sc_core::sc_module_name& name, const ArrayConfig& config)
      : ArrayModule(name, config),
        rows_(static_cast<std::size_t>(config.rows)),
        columns_(static_cast<std::size_t>(config.columns)),
        input_("input", config),
        issued_("issued", rows_ + columns_),
        a_("a_wire", rows_ * (columns_ + 1)),
        w_("w_wire", (rows_ + 1) * columns_),
        results_("result_wire", (rows_ + 1) * columns_),
        stall_("stall", rows_ * columns_),
        capture_("capture", rows_ * columns_),
        shift_("shift", columns_),
        release_("release", columns_) {
    connect_input();
    for (std::size_t r = 0; r < rows_; ++r)
      connect_edge("row" + std::to_string(r), r, r, a_[r * (columns_ + 1)]);
    for (std::size_t c = 0; c < columns_; ++c)
      connect_edge("column" + std::to_string(c), rows_ + c, c, w_[c]);
    for (std::size_t r = 0; r < rows_; ++r) {
      for (std::size_t c = 0; c < columns_; ++c) connect_cell(r, c);
    }
    connect_outputs();
    SC_HAS_PROCESS(GridModule);
    SC_METHOD(let_go);
    sensitive << advance_;
    for (std::size_t c = 0; c < columns_; ++c) sensitive << capture_[(rows_ - 1) * columns_ + c];
  }

 private:
  void connect_input() {
    input_.clk(clk);
    input_.rst_n(rst_n);
    input_.valid(valid);
    input_.last(last);
    input_.ready(ready);
    input_.advance(advance_);
    input_.issue(issue_);
    input_.issue_last(issue_last_);
    for (std::size_t i = 0; i < issued_.size(); ++i) {
      input_.in[i](i < rows_ ? a[i] : w[i - rows_]);
      input_.out[i](issued_[i]);
    }
    for (std::size_t i = 0; i < stall_.size(); ++i) input_.stall[i](stall_[i]);
  }

  void connect_edge(const std::string& name, std::size_t number, std::size_t skew,
                    sc_core::sc_signal<CellOperands>& to) {
    edges_.push_back(std::make_unique<Edge>(name.c_str(), config().mac, static_cast<int>(skew)));
    Edge& edge = *edges_.back();
    edge.clk(clk);
    edge.rst_n(rst_n);
    edge.advance(advance_);
    edge.valid(issue_);
    edge.last(issue_last_);
    edge.in(issued_[number]);
    edge.out(to);
  }

  void connect_cell(std::size_t r, std::size_t c) {
    const std::string name = "cell" + std::to_string(r) + "_" + std::to_string(c);
    cells_.push_back(make_array_cell(name.c_str(), config().mac, config().depth));
    ArrayCellModule& cell = *cells_.back();
    cell.clk(clk);
    cell.rst_n(rst_n);
    cell.advance(advance_);
    cell.release(release_[c]);
    cell.shift(shift_[c]);
    cell.stall(stall_[r * columns_ + c]);
    cell.capture(capture_[r * columns_ + c]);
    cell.a_in(a_[r * (columns_ + 1) + c]);
    cell.a_out(a_[r * (columns_ + 1) + c + 1]);
    cell.w_in(w_[r * columns_ + c]);
    cell.w_out(w_[(r + 1) * columns_ + c]);
    cell.result_in(results_[r * columns_ + c]);
    cell.result_out(results_[(r + 1) * columns_ + c]);
  }

  void connect_outputs() {
    std::size_t column = 0;
    for (std::size_t o = 0; o < result.size(); ++o) {
      const std::string name = "output" + std::to_string(o);
      outputs_.push_back(std::make_unique<Output>(name.c_str(), config()));
      Output& output = *outputs_.back();
      output.clk(clk);
      output.rst_n(rst_n);
      output.result_ready(result_ready[o]);
      output.result_valid(result_valid[o]);
      output.result(result[o]);
      for (std::size_t i = 0; i < output.bottom.size(); ++i, ++column) {
        output.bottom[i](results_[rows_ * columns_ + column]);
        output.shift[i](shift_[column]);
      }
    }
  }

  // Lets the results of a column move down from the movement on in which its bottom cell takes a result.
  void let_go() {
    for (std::size_t c = 0; c < columns_; ++c)
      release_[c].write(advance_.read() && capture_[(rows_ - 1) * columns_ + c].read());
  }

  std::size_t rows_, columns_;
  InputRegister input_;
  std::vector<std::unique_ptr<Edge>> edges_;
  std::vector<std::unique_ptr<ArrayCellModule>> cells_;
  std::vector<std::unique_ptr<Output>> outputs_;
  sc_core::sc_signal<bool> advance_{"advance"}, issue_{"issue"}, issue_last_{"issue_last"};
  Signals<EdgeBlocks> issued_;  // first the rows, then the columns
  Signals<CellOperands> a_, w_;
  Signals<CellResult> results_;  // its first row stays empty: it is what row 0 gets from above
  Signals<bool> stall_, capture_, shift_, release_;
};

}  // namespace

std::unique_ptr<ArrayModule> make_array_grid(const sc_core::sc_module_name& name, const ArrayConfig& config) {
  check(config);
  return std::make_unique<GridModule>(name, config);
}

}  // namespace if4
