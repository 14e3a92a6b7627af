// Several SystemC simulations in one process, one after the other.
#pragma once

#include <systemc>

namespace if4 {

/// A kernel of its own: modules and signals created while it lives belong to it, and time starts at 0.
/// SystemC elaborates once; this is how to simulate something else afterwards. Destroy the modules first. Not
/// nested, not from inside a simulation.
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
