#ifndef TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_OPERANDS_H_
#define TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_OPERANDS_H_

// How operands of dots are stored and multiplied, over a vector type.
//
// Each stores kInLane elements of a row, which follow each other, in 32 bits: a group. A dot is the
// sum of the products of groups. Members:
//
//   LoadValues  elements of a table's row, as floats
//   kIsRaw      whether rows lie in tables as operands have to, unless the last group is cut
//   kFlip       what a group is XORed with on the side of the lanes
//   CopyRow     a row of a table into an operand
//   StoreFloats, StoreInts   other values into an operand; kIsInt says which
//   MultiplyAdd sum + a . b of groups, a being the row's, b the lanes'
//   Half        the same over registers of half the size, if kHasHalf
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/interaction/interaction_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

template <class V>
struct OperandsF32 {
  using Vec = V;
  static constexpr bool kHasHalf = false;
  using Sum = typename Vec::F32;
  static constexpr bool kIsInt = false, kIsRaw = true, kHasShifts = false;
  static constexpr int kInLane = 1;
  static constexpr int32_t kFlip = 0;

  TFSPARSE_INLINE typename Vec::F32 LoadValues(const TableRow& row, int64_t d, int64_t count) {
    return Vec::LoadSome(static_cast<const float*>(row.data) + d, count);
  }
  TFSPARSE_INLINE void CopyRow(const TableRow& row, int64_t depth, unsigned char* to) {
    for (int64_t d = 0; d < depth; d += Vec::kLanes) {
      StoreFloats(to, d, LoadValues(row, d, depth - d));
    }
  }
  TFSPARSE_INLINE void StoreFloats(unsigned char* to, int64_t d, typename Vec::F32 v) {
    Vec::Store(reinterpret_cast<float*>(to) + d, v);
  }
  TFSPARSE_INLINE Sum Zero() { return Vec::Broadcast(0.0f); }
  TFSPARSE_INLINE Sum MultiplyAdd(Sum sum, typename Vec::I32 a, typename Vec::I32 b) {
    return Vec::MultiplyAdd(Vec::AsFloats(a), Vec::AsFloats(b), sum);
  }
};

// bfloat16 as float, for processors that multiply no bfloat16.
template <class V>
struct OperandsBf16AsF32 : OperandsF32<V> {
  using Vec = V;
  static constexpr bool kIsRaw = false;

  TFSPARSE_INLINE typename Vec::F32 LoadValues(const TableRow& row, int64_t d, int64_t count) {
    return Vec::LoadBf16(static_cast<const char*>(row.data) + 2 * d, count);
  }
  TFSPARSE_INLINE void CopyRow(const TableRow& row, int64_t depth, unsigned char* to) {
    for (int64_t d = 0; d < depth; d += Vec::kLanes) {
      OperandsF32<V>::StoreFloats(to, d, LoadValues(row, d, depth - d));
    }
  }
  TFSPARSE_INLINE void StoreFloats(unsigned char* to, int64_t d, typename Vec::F32 v) {
    OperandsF32<V>::StoreFloats(to, d, Vec::RoundToBf16(v));
  }
};

template <class V>
struct OperandsOfInts {
  using Vec = V;
  static constexpr bool kHasHalf = false;
  using Sum = typename Vec::I32;
  static constexpr bool kIsInt = true;

  TFSPARSE_INLINE typename Vec::F32 LoadValues(const TableRow& row, int64_t d, int64_t count) {
    const auto q = Vec::LoadS8(static_cast<const char*>(row.data) + d, count);
    return Vec::Multiply(Vec::ToFloats(q), Vec::Broadcast(*row.scale));
  }
  TFSPARSE_INLINE Sum Zero() { return Vec::Zero(); }
};

// Of 16 bits, for processors that multiply no quads of bytes.
template <class V>
struct OperandsS16 : OperandsOfInts<V> {
  using Vec = V;
  using Sum = typename Vec::I32;
  static constexpr bool kIsRaw = false, kHasShifts = false;
  static constexpr int kInLane = 2;
  static constexpr int32_t kFlip = 0;

  TFSPARSE_INLINE void CopyRow(const TableRow& row, int64_t depth, unsigned char* to) {
    for (int64_t d = 0; d < depth; d += Vec::kLanes) {
      StoreInts(to, d, Vec::LoadS8(static_cast<const char*>(row.data) + d, depth - d));
    }
  }
  TFSPARSE_INLINE void StoreInts(unsigned char* to, int64_t d, typename Vec::I32 q) {
    Vec::StoreS16(to + 2 * d, q);
  }
  TFSPARSE_INLINE Sum MultiplyAdd(Sum sum, typename Vec::I32 a, typename Vec::I32 b) {
    return Vec::Add(sum, Vec::DotPairs(a, b));
  }
};

// Quads of bytes: signed ones of the row, which are its elements plus a shift, by unsigned ones of
// the lanes, which are those plus 128. See FinishDots for what the shifts add.
template <class V>
struct OperandsS8 : OperandsOfInts<V> {
  using Vec = V;
  using Sum = typename Vec::I32;
  static constexpr bool kIsRaw = true, kHasShifts = true;
  static constexpr int kInLane = 4;
  static constexpr int32_t kFlip = static_cast<int32_t>(0x80808080u);

  TFSPARSE_INLINE void CopyRow(const TableRow& row, int64_t depth, unsigned char* to) {
    for (int64_t d = 0; d < depth; d += Vec::kLanes) {
      StoreInts(to, d, Vec::LoadS8(static_cast<const char*>(row.data) + d, depth - d));
    }
  }
  TFSPARSE_INLINE void StoreInts(unsigned char* to, int64_t d, typename Vec::I32 q) {
    Vec::StoreS8(to + d, q);
  }
  TFSPARSE_INLINE Sum MultiplyAdd(Sum sum, typename Vec::I32 a, typename Vec::I32 b) {
    return Vec::DotQuads(sum, b, a);
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_INTERACTION_INTERACTION_OPERANDS_H_
