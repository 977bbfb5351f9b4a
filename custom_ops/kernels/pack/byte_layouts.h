#ifndef TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BYTE_LAYOUTS_H_
#define TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BYTE_LAYOUTS_H_

// Where four inputs of uint8 lie in a tile, for each TileLayout of bytes over a vector type.
//
// Store takes the quads (four inputs in a lane, a row per lane) of kTogether registers of
// rows, the first of them r of `registers` in the tile, for the inputs 4 * quad and on.
//
// A quad is two pairs by two shuffles. K-interleave 1 takes the quads apart: four registers of
// quads make a register of each of four inputs with 12 more shuffles, two registers make four
// inputs of 16 bits with 8 shifts and masks and 4 packs.
//
// This is text for files of one instruction set, not to be linked.

#include <immintrin.h>

#include <cstdint>

namespace tfsparse {
namespace {

template <class Vec>
struct IntoInterleave4 {
  using I32 = typename Vec::I32;
  static constexpr int kTogether = 1;

  static inline __attribute__((always_inline)) void Store(uint8_t* tile, int64_t registers,
                                                          int64_t quad, int64_t r,
                                                          const I32 (&q)[1]) {
    Vec::StoreInts(tile + (quad * registers + r) * (4 * Vec::kLanes), q[0]);
  }
};

template <class Vec>
struct IntoInterleave2 {
  using I32 = typename Vec::I32;
  static constexpr int kTogether = 1;

  static inline __attribute__((always_inline)) void Store(uint8_t* tile, int64_t registers,
                                                          int64_t quad, int64_t r,
                                                          const I32 (&q)[1]) {
    constexpr int kBytes = 4 * Vec::kLanes;
    const __m128i low = _mm_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
    const __m128i high = _mm_setr_epi8(2, -1, 3, -1, 6, -1, 7, -1, 10, -1, 11, -1, 14, -1, 15, -1);
    uint8_t* pairs = tile + (2 * quad * registers + r) * kBytes;
    Vec::StoreInts(pairs, Vec::Shuffle8(q[0], low));
    Vec::StoreInts(pairs + registers * kBytes, Vec::Shuffle8(q[0], high));
  }
};

// An input is one register: tiles have four registers of rows. The bytes of a 128-bit part are
// brought together by input, then the four parts of an input.
template <class Vec>
struct IntoInterleave1 {
  using I32 = typename Vec::I32;
  static constexpr int kTogether = 4;

  static inline __attribute__((always_inline)) void Store(uint8_t* tile, int64_t, int64_t quad,
                                                          int64_t, const I32 (&q)[4]) {
    constexpr int kBytes = 4 * Vec::kLanes;
    I32 b[4];
    for (int v = 0; v < 4; ++v) b[v] = Vec::TransposeBytes(q[v]);
    const I32 low01 = Vec::InterleaveLow32(b[0], b[1]);
    const I32 high01 = Vec::InterleaveHigh32(b[0], b[1]);
    const I32 low23 = Vec::InterleaveLow32(b[2], b[3]);
    const I32 high23 = Vec::InterleaveHigh32(b[2], b[3]);
    uint8_t* plane = tile + 4 * quad * kBytes;
    Vec::StoreInts(plane, Vec::InterleaveLow64(low01, low23));
    Vec::StoreInts(plane + kBytes, Vec::InterleaveHigh64(low01, low23));
    Vec::StoreInts(plane + 2 * kBytes, Vec::InterleaveLow64(high01, high23));
    Vec::StoreInts(plane + 3 * kBytes, Vec::InterleaveHigh64(high01, high23));
  }
};

// Of a tile of one vector, an input is a quarter of a register, with its rows in order: four
// inputs are two shuffles of a register of quads.
template <class Vec>
struct IntoInterleave1OfOneVector {
  using I32 = typename Vec::I32;
  static constexpr int kTogether = 1;

  static inline __attribute__((always_inline)) void Store(uint8_t* tile, int64_t, int64_t quad,
                                                          int64_t, const I32 (&q)[1]) {
    Vec::StoreInts(tile + quad * (4 * Vec::kLanes), Vec::TransposeParts(Vec::TransposeBytes(q[0])));
  }
};

template <class Vec>
struct IntoInterleave1Wide {
  using I32 = typename Vec::I32;
  static constexpr int kTogether = 2;

  static inline __attribute__((always_inline)) void Store(uint8_t* tile, int64_t registers,
                                                          int64_t quad, int64_t r,
                                                          const I32 (&q)[2]) {
    constexpr int kBytes = 4 * Vec::kLanes;
    const int64_t plane = registers / 2 * kBytes;
    uint8_t* first = tile + 4 * quad * plane + r / 2 * kBytes;
    for (int byte = 0; byte < 4; ++byte) {
      Vec::StoreInts(first + byte * plane,
                     Vec::Narrow32To16(Vec::ByteOfLane(q[0], byte), Vec::ByteOfLane(q[1], byte)));
    }
  }
};

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_KERNELS_PACK_BYTE_LAYOUTS_H_
