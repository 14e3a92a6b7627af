// Several SystemC simulations in one process, one after the other.
#pragma once

#include <systemc>

namespace if4 {

/// A kernel of its own: modules and signals created while it lives belong to it, and its time starts at 0.
/// SystemC elaborates only once in a kernel, so this is how to simulate something else afterwards. The
/// modules must be destroyed first. Objects of this class do not nest, and none is made inside a simulation.
class SystemCContext {
 public:
  SystemCContext()
      : default_(sc_core::sc_default_global_context),
        current_(sc_core::sc_curr_simcontext),
        context_(new sc_core::sc_simcontext) {
    sc_core::sc_default_global_context = sc_core::sc_curr_simcontext = context_;
  }
  ~SystemCContext() {
    delete context_;
    sc_core::sc_default_global_context = default_;
    sc_core::sc_curr_simcontext = current_;
  }
  SystemCContext(const SystemCContext&) = delete;
  SystemCContext& operator=(const SystemCContext&) = delete;

 private:
  sc_core::sc_simcontext* default_;
  sc_core::sc_simcontext* current_;
  sc_core::sc_simcontext* context_;
};

}  // namespace if4
