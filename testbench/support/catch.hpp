// Catch2 of either major version, and the seed of the random tests.
#pragma once

#include <cstdint>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

/// The seed of this run, printed at its start; the same seed replays every random test. Each test adds a
/// number of its own.
std::uint64_t test_seed();
