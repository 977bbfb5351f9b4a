// Float weights, one input per group: for every stored column of a strip, V
// vectors of x are read once and H weights broadcast, H * V fused
// multiply-adds.
//
// The limit is two FMAs a cycle. Loads per FMA are (H + V) / (H * V), so a high
// strip needs few vectors (8 x 3: 0.46) and a single output many (1 x 8: 1.1,
// load-bound). H * V accumulators + V inputs + 1 weight fit in 32 registers,
// and H * V >= 8 hides the FMA's latency.

#include "custom_ops/kernels/multiply_f32_avx512.h"

#include <immintrin.h>

namespace tfsparse {
namespace {

template <int H, int V>
void Multiply(const MultiplyArgs& args) {
  constexpr int kRows = V * kLanes;
  const float* tile = static_cast<const float*>(args.tile);
  for (int64_t s = 0; s < args.num_strips; ++s) {
    const Strip& strip = args.strips[s];
    const int32_t* column = args.columns + strip.column;
    const float* w = static_cast<const float*>(args.values) + strip.value;
    const int64_t first = strip.out - args.first_out;
    const float* init = static_cast<const float*>(args.init) + first;
    __m512 acc[H][V];
    for (int h = 0; h < H; ++h) {
      for (int v = 0; v < V; ++v) acc[h][v] = _mm512_set1_ps(init[h]);
    }
    for (int64_t g = 0; g < strip.groups; ++g, w += H) {
      const float* x = tile + static_cast<int64_t>(column[g]) * kRows;
      __m512 rows[V];
      for (int v = 0; v < V; ++v) rows[v] = _mm512_load_ps(x + v * kLanes);
      for (int h = 0; h < H; ++h) {
        const __m512 weight = _mm512_set1_ps(w[h]);
        for (int v = 0; v < V; ++v) acc[h][v] = _mm512_fmadd_ps(rows[v], weight, acc[h][v]);
      }
    }
    float* sums = static_cast<float*>(args.acc) + (strip.out - args.first_out) * kRows;
    for (int h = 0; h < H; ++h) {
      for (int v = 0; v < V; ++v) _mm512_store_ps(sums + h * kRows + v * kLanes, acc[h][v]);
    }
  }
}

template <int H, int V>
MultiplyFunction Pick(int vectors) {
  if constexpr (V == 0) {
    return nullptr;
  } else {
    return vectors == V ? Multiply<H, V> : Pick<H, V - 1>(vectors);
  }
}

}  // namespace

MultiplyFunction MultiplyF32Avx512(int height, int vectors) {
  switch (height) {
    case 8:
      return Pick<8, 3>(vectors);
    case 4:
      return Pick<4, 4>(vectors);
    case 2:
      return Pick<2, 8>(vectors);
    case 1:
      return Pick<1, 8>(vectors);
  }
  return nullptr;
}

}  // namespace tfsparse
