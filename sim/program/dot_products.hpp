// Dot products of vector files: their results by the models, and the formats that they can be in.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/kit/vector_line.hpp"
#include "sim/program/options.hpp"

namespace if4 {

/// "lane-FP32" or "exact", in reports; in small letters the name on the command line.
std::string_view result_order_name(ResultOrder order);
/// --result; `help` says what of.
void add_result_order(CLI::App& app, ResultOrder& order, const std::string& help);

/// Whether the blocks of that format are IF4 blocks as they are, which is what the lane-FP32 model and the
/// Verilated unit of `cosim` take: NVFP4 blocks are IF4 blocks without the type INT4.
constexpr bool reads_as_if4(Format format) { return format == Format::kIF4 || format == Format::kNVFP4; }

/// The one format that the blocks of both operands can be read as. Throws InputError if there is none.
Format common_format(Format activations, Format weights);

/// FP32 bits of the result by the model of the published unit. The format must read_as_if4().
std::uint32_t lane_fp32_result(Format format, BlockPairs pairs);

}  // namespace if4
