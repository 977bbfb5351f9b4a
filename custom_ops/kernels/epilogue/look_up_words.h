#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_LOOK_UP_WORDS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_LOOK_UP_WORDS_H_

// Looks up words of 16 bits in a table of an activation (kernels/activation_table.h), over a vector
// type (vector_avx512.h, vector_avx2.h). What comes out is q, to be saturated to uint8.
//
// Cost: 11 instructions for 32 values of 512 bits. With 256 bits bytes are looked up, in 34 for 16
// values.
//
// This is text for files of one instruction set, not to be linked.

#include "custom_ops/kernels/activation_table.h"

namespace tfsparse {
namespace {

template <class Vec>
inline __attribute__((always_inline)) typename Vec::I32 LookUpWords(const ActivationTable& table,
                                                                    typename Vec::I32 w) {
  const auto piece = Vec::IndexOfPiece(w);
  const auto f = Vec::Xor(Vec::template ShiftLeft16<5>(w), Vec::Broadcast(int32_t{-0x7fff8000}));
  const auto bend = Vec::MultiplyRound16(f, Vec::LookUp(table, 2, piece));
  const auto slope = Vec::AddSaturated16(Vec::LookUp(table, 1, piece), bend);
  const auto y = Vec::AddSaturated16(Vec::LookUp(table, 0, piece), Vec::MultiplyRound16(f, slope));
  return Vec::template ShiftRight16<kTableFraction>(y);
}

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_EPILOGUE_LOOK_UP_WORDS_H_
