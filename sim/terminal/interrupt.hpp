// How a signal ends a program: at once, whatever it does, and without a file that is half written.
#pragma once

#include <functional>

namespace if4 {

/// From now on these signals end the process as they do by default, but after remove_temporaries() and
/// `before`: SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXCPU and SIGPIPE, unless they are ignored, as under nohup.
/// So does SIGBUS, which comes where a file that is mapped into memory has been cut off by another process, or
/// cannot grow: with a line on stderr and exit code 2. `before` runs while the other threads go on, but for one that
/// wrote to a pipe that nobody reads: that one stands still, and may hold the lock of a stdio stream. To be called
/// before any other thread starts.
void end_at_signals(std::function<void()> before);

}  // namespace if4
