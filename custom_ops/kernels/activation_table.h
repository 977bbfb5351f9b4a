#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_ACTIVATION_TABLE_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_ACTIVATION_TABLE_H_

// An activation whose result is uint8, as a table of quadratics over 16-bit integers.
//
// A float activation takes 22 to 31 operations on 16 lanes (activation_functions.h). A result of
// uint8 needs less: its input can be 16 bits, which are 32 lanes, and a piecewise quadratic with
// 32 pieces is then as exact. All steps are on integers, so they give the same bits on every ISA.
//
//   w = saturate16(round(sum * scale + bias))  scale and bias have `unit` and `offset` in them
//   i = w >> 11 as unsigned                    the piece: the upper five bits
//   f = (w << 5) ^ 0x8000                      the place in the piece, from -1 to 1 in Q15
//   y = c[0][i] + f * (c[1][i] + f * c[2][i])  saturated; products rounded to 16 bits
//   q = saturateU8(y >> 6)                     y has 6 bits below a step of q
//
// Saturating w holds the ends: the table covers the interval where the result changes.
// engine/build_activation_table.h makes tables and states the error.
//
// Plain data: files of every instruction set include this header (see kernel_args.h).

#include <cstdint>

namespace tfsparse {

inline constexpr int kTablePieces = 32;
inline constexpr int kTableFraction = 6;  // bits of y below a step of q

struct ActivationTable {
  alignas(64) int16_t c[3][kTablePieces];
  // The low bytes of c and its high bytes, for ISAs that look up bytes.
  alignas(64) uint8_t bytes[3][2][kTablePieces];
  float unit, offset;  // w = x * unit + offset
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_ACTIVATION_TABLE_H_
