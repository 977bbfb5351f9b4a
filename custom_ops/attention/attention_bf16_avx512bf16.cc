// Both products with vdpbf16ps, which multiplies pairs: of channels in the first product, of keys
// in the second. Keys are rounded as they lie, values of two keys are interleaved, and so are
// exponentials of two keys, in place. What is left of a pair is 0. The scores of uint8 queries and
// keys are products of bytes instead (attention_bytes.h).

#include "custom_ops/attention/attention_bf16_avx512bf16.h"

#include <immintrin.h>

#include <cstring>

#include "custom_ops/attention/attention_bytes.h"
#include "custom_ops/attention/attention_exponent.h"
#include "custom_ops/attention/attention_rows.h"
#include "custom_ops/attention/attention_tile.h"
#include "custom_ops/attention/attention_vector_avx512.h"
#include "custom_ops/kernels/lanes_avx512.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE static inline __attribute__((always_inline))

struct ProductsBf16 {
  using Vec = VectorAvx512;
  using F32 = __m512;
  using I32 = __m512i;
  using Operand = I32;
  static constexpr int kInLane = 2;
  static constexpr int L = Vec::kLanes;

  // Rows of keys, or of pairs of values.
  struct Rows {
    const float* data;
    int64_t stride;
  };

  TFSPARSE_INLINE I32 Load(const float* p) { return Vec::LoadInts(p); }
  TFSPARSE_INLINE I32 Broadcast(const float* p) {
    int32_t pair;
    std::memcpy(&pair, p, sizeof(pair));
    return Vec::Broadcast(pair);
  }
  TFSPARSE_INLINE F32 MultiplyAdd(I32 a, I32 b, F32 sum) {
    return _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)a);
  }
  TFSPARSE_INLINE int64_t Depth(int64_t size) { return (size + 1) / 2; }

  // Lane i: low[i] and, in its upper half, high[i].
  TFSPARSE_INLINE I32 Pairs(F32 low, F32 high) {
    const I32 order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                       23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, (I32)_mm512_cvtne2ps_pbh(high, low));
  }

  // Rows behind the last one are zero.
  template <int V>
  TFSPARSE_INLINE void StoreRows(const I32 (&rows)[L], int64_t count, float* to) {
    for (int i = 0; i < L && i < count; i += 2) {
      const I32 pairs = Pairs(Vec::AsFloats(rows[i]), Vec::AsFloats(rows[i + 1]));
      Vec::StoreInts(to + i / 2 * V * L, pairs);
    }
  }

  static Rows Keys(const AttentionTileArgs& args, int64_t first, int64_t keys) {
    if (!args.rows_are_packed) {
      WithReader<Vec>(args.is_u8, args.key_affine,
                      [&](const auto& reader) { PackKeys(args, first, keys, reader); });
    }
    return {args.scratch.key, Depth(args.head_size)};
  }

  static Rows Values(const AttentionTileArgs& args, int64_t first, int64_t keys) {
    if (!args.rows_are_packed) {
      WithReader<Vec>(args.is_u8, args.value_affine,
                      [&](const auto& reader) { PackValues(args, first, keys, reader); });
    }
    return {args.scratch.value, args.value_head_size};
  }

  template <class Lanes, int V>
  TFSPARSE_INLINE F32 Exponential(F32 greatest, const float* at, F32* sum) {
    const F32 e = Exponent<Lanes, ExponentFor::kBFloat16>(Lanes::Subtract(Vec::Load(at), greatest));
    *sum = Vec::Add(*sum, e);
    return e;
  }

  // The pairs of keys k and k + 1 are written where key k / 2 has been.
  template <class Lanes, int V>
  TFSPARSE_INLINE void Exponentials(int64_t keys, const F32 (&greatest)[V], float* scores,
                                    F32 (&sum)[V]) {
    for (int64_t k = 0; k < keys; k += 2) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const float* at = scores + (k * V + v) * L;
        const F32 low = Exponential<Lanes, V>(greatest[v], at, &sum[v]);
        const F32 high = k + 1 < keys ? Exponential<Lanes, V>(greatest[v], at + V * L, &sum[v])
                                      : Vec::Broadcast(0.0f);
        Vec::StoreInts(scores + (k / 2 * V + v) * L, Pairs(low, high));
      }
    }
  }

 private:
  // Pairs of channels of a key follow each other.
  template <class Reader>
  static void PackKeys(const AttentionTileArgs& args, int64_t first, int64_t keys,
                       const Reader& reader) {
    const int64_t size = args.head_size, pairs = Depth(size);
    for (int64_t key = 0; key < keys; ++key) {
      float* to = args.scratch.key + key * pairs;
      for (int64_t d = 0; d < size; d += 2 * L) {
        const int64_t at = (first + key) * args.key_stride + d;
        const F32 low = reader.Load(args.key, at, size - d);
        const F32 high =
            size - d > L ? reader.Load(args.key, at + L, size - d - L) : Vec::Broadcast(0.0f);
        const F32 both = Vec::AsFloats((I32)_mm512_cvtne2ps_pbh(high, low));
        Vec::StoreSome(to + d / 2, both, pairs - d / 2);
      }
    }
  }

  // Channel d of two keys is a pair.
  template <class Reader>
  static void PackValues(const AttentionTileArgs& args, int64_t first, int64_t keys,
                         const Reader& reader) {
    const int64_t size = args.value_head_size, stride = args.value_stride;
    for (int64_t key = 0; key < keys; key += 2) {
      float* to = args.scratch.value + key / 2 * size;
      for (int64_t d = 0; d < size; d += L) {
        const int64_t at = (first + key) * stride + d;
        const F32 low = reader.Load(args.value, at, size - d);
        const F32 high =
            key + 1 < keys ? reader.Load(args.value, at + stride, size - d) : Vec::Broadcast(0.0f);
        Vec::StoreSome(to + d, Vec::AsFloats(Pairs(low, high)), size - d);
      }
    }
  }
};

#undef TFSPARSE_INLINE

}  // namespace

void AttentionBf16Avx512Bf16(const AttentionTileArgs& args) {
  if (HasByteScores(args)) return RunTileOf<ScoresOfBytes<ProductsBf16>, LanesAvx512, 4>(args);
  RunTileOf<ScoresAsProducts<ProductsBf16>, LanesAvx512, 4>(args);
}

}  // namespace tfsparse
