#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_F32_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_F32_H_

// The products of attention in float32, over a vector type, and those of operands that are rounded
// to bfloat16 where there are no instructions for it.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/attention/attention_args.h"
#include "custom_ops/attention/attention_exponent.h"
#include "custom_ops/attention/attention_rows.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

template <class V_, bool kRounds>
struct ProductsF32 {
  using Vec = V_;
  using F32 = typename Vec::F32;
  using Operand = F32;
  static constexpr int kInLane = 1;
  static constexpr int L = Vec::kLanes;
  static constexpr ExponentFor kExponent = kRounds ? ExponentFor::kBFloat16 : ExponentFor::kFloat32;

  // Rows of keys or values, as operands.
  struct Rows {
    const float* data;
    int64_t stride;
  };

  TFSPARSE_INLINE F32 Load(const float* p) { return Vec::Load(p); }
  TFSPARSE_INLINE F32 Broadcast(const float* p) { return Vec::Broadcast(*p); }
  TFSPARSE_INLINE F32 MultiplyAdd(F32 a, F32 b, F32 sum) { return Vec::MultiplyAdd(a, b, sum); }
  TFSPARSE_INLINE int64_t Depth(int64_t size) { return size; }
  TFSPARSE_INLINE F32 Rounded(F32 v) { return kRounds ? Vec::RoundToBf16(v) : v; }

  // `count` rows, each of L lanes of V.
  template <int V>
  TFSPARSE_INLINE void StoreRows(const typename Vec::I32 (&rows)[L], int64_t count, float* to) {
    for (int i = 0; i < L && i < count; ++i) {
      Vec::Store(to + i * V * L, Rounded(Vec::AsFloats(rows[i])));
    }
  }

  static Rows Keys(const AttentionTileArgs& args, int64_t first, int64_t keys) {
    return RowsOf(args, args.key, args.key_stride, args.key_affine, args.head_size, first, keys,
                  args.scratch.key);
  }
  static Rows Values(const AttentionTileArgs& args, int64_t first, int64_t keys) {
    return RowsOf(args, args.value, args.value_stride, args.value_affine, args.value_head_size,
                  first, keys, args.scratch.value);
  }

  template <class Lanes, int V>
  TFSPARSE_INLINE void Exponentials(int64_t keys, const F32 (&greatest)[V], float* scores,
                                    F32 (&sum)[V]) {
    for (int64_t k = 0; k < keys; ++k) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        float* at = scores + (k * V + v) * L;
        const F32 e = Exponent<Lanes, kExponent>(Lanes::Subtract(Vec::Load(at), greatest[v]));
        sum[v] = Vec::Add(sum[v], e);
        Vec::Store(at, Rounded(e));
      }
    }
  }

 private:
  // As they lie, if they are such operands.
  static Rows RowsOf(const AttentionTileArgs& args, const void* data, int64_t stride,
                     const Affine& affine, int64_t size, int64_t first, int64_t count, float* to) {
    if (!args.is_u8 && !kRounds) return {static_cast<const float*>(data) + first * stride, stride};
    if (!args.rows_are_packed) {
      WithReader<Vec>(args.is_u8, affine, [&](const auto& reader) {
        for (int64_t row = 0; row < count; ++row) {
          for (int64_t d = 0; d < size; d += L) {
            const F32 v = reader.Load(data, (first + row) * stride + d, size - d);
            Vec::StoreSome(to + row * size + d, Rounded(v), size - d);
          }
        }
      });
    }
    return {to, size};
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_F32_H_
