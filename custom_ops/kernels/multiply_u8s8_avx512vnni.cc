// uint8 x times int8 weights. VPDPBUSD adds four products to each of 16 sums,
// so its operands are quads: four inputs of 16 rows in one register, four
// weights of one output broadcast to all lanes.
//
// Quads. Where blocks are a multiple of four inputs wide, the tile holds the
// quads ready made, and the kernel is two VPDPBUSD a cycle: as for float, see
// multiply_f32_avx512.cc.
//
// Gathered. Where they are not (4x1, 1x1, 2x3, ...), any four columns of a
// strip make a group. Four planes of 64 rows are interleaved by eight byte and
// word unpacks into four registers of quads. Eight shuffles feed 4 * H
// VPDPBUSD, so H = 4 is at most 16 of 24 vector instructions; the planes are
// stored in the order that makes the unpacks' result come out sorted
// (kernel_args.h).

#include "custom_ops/kernels/multiply_u8s8_avx512vnni.h"

#include <immintrin.h>

#include <cstring>

namespace tfsparse {
namespace {

inline __attribute__((always_inline)) __m512i BroadcastQuad(const int8_t* w) {
  int32_t quad;
  std::memcpy(&quad, w, sizeof(quad));
  return _mm512_set1_epi32(quad);
}

template <int H, int V>
inline __attribute__((always_inline)) void Accumulate(const __m512i (&quads)[V], const int8_t* w,
                                                      __m512i (&acc)[H][V]) {
  for (int h = 0; h < H; ++h) {
    const __m512i weight = BroadcastQuad(w + 4 * h);
    for (int v = 0; v < V; ++v) acc[h][v] = _mm512_dpbusd_epi32(acc[h][v], quads[v], weight);
  }
}

// The quads of a group from a tile of ready quads.
template <int V>
struct Quads {
  static constexpr int kColumns = 1;
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         __m512i (&quads)[V]) {
    const uint8_t* x = tile + static_cast<int64_t>(column[0]) * (V * 64);
    for (int v = 0; v < V; ++v) quads[v] = _mm512_load_si512(x + 64 * v);
  }
};

// The quads of a group from four planes.
struct Gathered {
  static constexpr int kColumns = 4;
  static inline __attribute__((always_inline)) void Load(const uint8_t* tile, const int32_t* column,
                                                         __m512i (&quads)[4]) {
    __m512i plane[4];
    for (int i = 0; i < 4; ++i) {
      plane[i] = _mm512_load_si512(tile + static_cast<int64_t>(column[i]) * 64);
    }
    const __m512i low01 = _mm512_unpacklo_epi8(plane[0], plane[1]);
    const __m512i high01 = _mm512_unpackhi_epi8(plane[0], plane[1]);
    const __m512i low23 = _mm512_unpacklo_epi8(plane[2], plane[3]);
    const __m512i high23 = _mm512_unpackhi_epi8(plane[2], plane[3]);
    quads[0] = _mm512_unpacklo_epi16(low01, low23);
    quads[1] = _mm512_unpackhi_epi16(low01, low23);
    quads[2] = _mm512_unpacklo_epi16(high01, high23);
    quads[3] = _mm512_unpackhi_epi16(high01, high23);
  }
};

template <class Source, int H, int V>
void Multiply(const MultiplyArgs& args) {
  const uint8_t* tile = static_cast<const uint8_t*>(args.tile);
  for (int64_t s = 0; s < args.num_strips; ++s) {
    const Strip& strip = args.strips[s];
    const int32_t* column = args.columns + strip.column;
    const int8_t* w = static_cast<const int8_t*>(args.values) + strip.value;
    const int64_t first = strip.out - args.first_out;
    const int32_t* init = static_cast<const int32_t*>(args.init) + first;
    __m512i acc[H][V];
    for (int h = 0; h < H; ++h) {
      for (int v = 0; v < V; ++v) acc[h][v] = _mm512_set1_epi32(init[h]);
    }
    for (int64_t g = 0; g < strip.groups; ++g, column += Source::kColumns, w += 4 * H) {
      __m512i quads[V];
      Source::Load(tile, column, quads);
      Accumulate<H, V>(quads, w, acc);
    }
    constexpr int kRows = V * kLanes;
    int32_t* sums = static_cast<int32_t*>(args.acc) + (strip.out - args.first_out) * kRows;
    for (int h = 0; h < H; ++h) {
      for (int v = 0; v < V; ++v) _mm512_store_si512(sums + h * kRows + v * kLanes, acc[h][v]);
    }
  }
}

template <int H, int V>
MultiplyFunction PickQuads(int vectors) {
  if constexpr (V == 0) {
    return nullptr;
  } else {
    return vectors == V ? Multiply<Quads<V>, H, V> : PickQuads<H, V - 1>(vectors);
  }
}

}  // namespace

MultiplyFunction MultiplyQuadsAvx512Vnni(int height, int vectors) {
  switch (height) {
    case 8:
      return PickQuads<8, 3>(vectors);
    case 4:
      return PickQuads<4, 4>(vectors);
    case 2:
      return PickQuads<2, 4>(vectors);
    case 1:
      return PickQuads<1, 4>(vectors);
  }
  return nullptr;
}

MultiplyFunction MultiplyGatheredAvx512Vnni(int height, int vectors) {
  if (vectors != 4) return nullptr;
  switch (height) {
    case 6:
      return Multiply<Gathered, 6, 4>;
    case 4:
      return Multiply<Gathered, 4, 4>;
    case 2:
      return Multiply<Gathered, 2, 4>;
    case 1:
      return Multiply<Gathered, 1, 4>;
  }
  return nullptr;
}

}  // namespace tfsparse
