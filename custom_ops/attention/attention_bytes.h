#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BYTES_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BYTES_H_

// Scores of uint8 queries and keys by vpdpbusd, which multiplies four channels at a time: twice as
// many as vdpbf16ps, nothing is converted, and integers are exact.
//
//   sum (q - zq) (k - zk)  =  sum q (k - 128)  +  (128 - zk) sum q  -  zq sum (k - zk)
//
// The first sum is vpdpbusd's, of unsigned and signed bytes. The second is the query's, a lane's.
// The third is the key's. Sums begin with both. All of it is modulo 2^32, and the whole is less
// than 2^31 for heads of up to kMaxByteChannels channels. Channels behind the last one are 0 in
// queries and in keys.
//
//   query     [channel / 4][lane][4]   bytes, then the second term of each lane, int32
//   key       [key]                    the third term, int32; then [key][channel / 4][4] bytes
//
// This is text for files of AVX-512 VNNI, not to be linked.

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

constexpr int64_t kMaxByteChannels = 1 << 15;

// What an integer score is multiplied by.
TFSPARSE_INLINE float UnitOfByteScores(const AttentionTileArgs& args) {
  return args.scale * args.query_affine.scale * args.key_affine.scale;
}

// Whether the scores of a tile can be integers.
TFSPARSE_INLINE bool HasByteScores(const AttentionTileArgs& args) {
  const float unit = __builtin_fabsf(UnitOfByteScores(args));
  return args.is_u8 && args.head_size <= kMaxByteChannels && unit > 1e-30f && unit < 1e25f;
}

TFSPARSE_INLINE int64_t QuadsOf(int64_t channels) { return (channels + 3) / 4; }

// The first `count` of 64 bytes, zeros behind them.
TFSPARSE_INLINE __m512i LoadChannels(const uint8_t* p, int64_t count) {
  return _mm512_maskz_loadu_epi8(count >= 64 ? ~0ull : (1ull << count) - 1, p);
}

template <class Vec, int V>
void PackByteQueries(const AttentionTileArgs& args, float* to) {
  constexpr int L = Vec::kLanes;
  const int64_t quads = QuadsOf(args.head_size);
  const __m512i ones = _mm512_set1_epi8(1);
  for (int v = 0; v < V; ++v) {
    __m512i sum = _mm512_setzero_si512();
    for (int64_t d = 0; d < args.head_size; d += 64) {
      __m512i rows[L];
      for (int i = 0; i < L; ++i) {
        const int64_t row = v * L + i;
        rows[i] = row < args.rows
                      ? LoadChannels(static_cast<const uint8_t*>(args.query_at[row]) + d,
                                     args.head_size - d)
                      : _mm512_setzero_si512();
      }
      Vec::Transpose(rows);
      for (int i = 0; i < L && d / 4 + i < quads; ++i) {
        Vec::StoreInts(to + ((d / 4 + i) * V + v) * L, rows[i]);
        sum = _mm512_dpbusd_epi32(sum, rows[i], ones);
      }
    }
    const __m512i factor = _mm512_set1_epi32(128 - args.key_affine.zero_point);
    Vec::StoreInts(to + (quads * V + v) * L, _mm512_mullo_epi32(sum, factor));
  }
}

TFSPARSE_INLINE void PackByteKeys(const AttentionTileArgs& args, int64_t first, int64_t keys) {
  const int64_t size = args.head_size, quads = QuadsOf(size);
  int32_t* terms = reinterpret_cast<int32_t*>(args.scratch.key);
  float* bytes = args.scratch.key + keys;
  for (int64_t key = 0; key < keys; ++key) {
    const uint8_t* from = static_cast<const uint8_t*>(args.key) + (first + key) * args.key_stride;
    __m512i sum = _mm512_setzero_si512();
    for (int64_t d = 0; d < size; d += 64) {
      const __m512i k = LoadChannels(from + d, size - d);
      sum = _mm512_dpbusd_epi32(sum, k, _mm512_set1_epi8(1));
      const int64_t left = quads - d / 4;
      _mm512_mask_storeu_epi32(bytes + key * quads + d / 4,
                               static_cast<__mmask16>(left >= 16 ? 0xffff : (1u << left) - 1),
                               _mm512_xor_si512(k, _mm512_set1_epi8(-128)));
    }
    const int32_t of_key = _mm512_reduce_add_epi32(sum);
    terms[key] = -args.query_affine.zero_point *
                 (of_key - static_cast<int32_t>(size) * args.key_affine.zero_point);
  }
}

// Scores of M keys, each of V registers.
template <class Vec, int V, int M>
TFSPARSE_INLINE void MultiplyByteKeys(const int32_t* terms, const float* keys, int64_t quads,
                                      const float* query, float unit, float* scores) {
  constexpr int L = Vec::kLanes;
  __m512i sums[M][V];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sums[m][v] = Vec::Add(Vec::Broadcast(terms[m]), Vec::LoadInts(query + (quads * V + v) * L));
    }
  }
  for (int64_t d = 0; d < quads; ++d) {
    __m512i of_query[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) of_query[v] = Vec::LoadInts(query + (d * V + v) * L);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      int32_t quad;
      std::memcpy(&quad, keys + m * quads + d, sizeof(quad));
      const __m512i key = Vec::Broadcast(quad);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[m][v] = _mm512_dpbusd_epi32(sums[m][v], of_query[v], key);
    }
  }
  const __m512 units = Vec::Broadcast(unit);
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      Vec::Store(scores + (m * V + v) * L, Vec::Multiply(Vec::ToFloats(sums[m][v]), units));
    }
  }
}

// Of keys [first, first + keys).
template <class Vec, int V>
void ScoreBytes(const AttentionTileArgs& args, int64_t first, int64_t keys) {
  if (!args.rows_are_packed) PackByteKeys(args, first, keys);
  constexpr int M = Vec::Height(V);
  const int64_t quads = QuadsOf(args.head_size);
  const int32_t* terms = reinterpret_cast<const int32_t*>(args.scratch.key);
  const float* bytes = args.scratch.key + keys;
  const float unit = UnitOfByteScores(args);
  float* scores = args.scratch.scores;
  int64_t k = 0;
  for (; k + M <= keys; k += M) {
    MultiplyByteKeys<Vec, V, M>(terms + k, bytes + k * quads, quads, args.scratch.query, unit,
                                scores + k * V * Vec::kLanes);
  }
  for (; k < keys; ++k) {
    MultiplyByteKeys<Vec, V, 1>(terms + k, bytes + k * quads, quads, args.scratch.query, unit,
                                scores + k * V * Vec::kLanes);
  }
}

// Scores are products of bytes; the second product is P's (attention_tile.h).
template <class P>
struct ScoresOfBytes : P {
  template <int V>
  static void TakeQueries(const AttentionTileArgs& args) {
    PackByteQueries<typename P::Vec, V>(args, args.scratch.query);
  }
  template <int V>
  static void Score(const AttentionTileArgs& args, int64_t first, int64_t keys) {
    ScoreBytes<typename P::Vec, V>(args, first, keys);
  }
};

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_BYTES_H_
