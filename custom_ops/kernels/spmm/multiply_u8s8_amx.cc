// uint8 x times int8 weights on AMX. TDPBSUD multiplies 16 outputs by 64 inputs of weights
// with 64 inputs by 16 rows of x and adds to 16 x 16 sums: 16384 products in 16 cycles,
// eight times what VNNI does.
//
// The operand of x is a tile register of 16 quads, which a load takes from 16 places at one
// stride. A sparse panel's quads lie anywhere. So they are copied, 64 bytes at a time, next
// to each other, merged on the way where several quads of x share one of weights
// (format/amx_tiles.h), and the register is loaded from the copy. Dense windows of x are
// loaded from where they are.
//
// Order. A tile load cannot take what is still in the store buffer, so a group is brought
// together while the one before it is multiplied. The sums of a panel are stored when the
// first group of the next is at hand: stores that wait for products hold up all behind them.
//
// Limit. Per group and vector 16 cycles of products; 16 loads, 16 stores and the 16 loads of
// the register for the copy; 16 / V loads for the weights. At 1024 inputs x lies in the
// second level of cache, and dense windows run at half of the peak, groups of one source at
// 40%, of two at 27%: one more source is 16 more loads.
//
// Log, on Granite Rapids, 1024 x 1024, time of the products: three vectors instead of four
// took 13% off 4x1 at 90% and nothing off 16x4 at 85%, one vector added 30%; fetching the
// lines of the sums beforehand took a quarter off 16x4; setting the tiles up once per tile of
// rows and not per 64 outputs took 17% off. On Emerald Rapids, once per thread took 10% off 3136
// rows of 64 inputs and outputs; packing a tile of x ahead gained nothing. Two or more groups
// ahead gained nothing, fetching weights or dense windows beforehand lost.

#include <immintrin.h>

#include "custom_ops/kernels/isa/amx.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// All eight tile registers are 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

constexpr TileConfig kTileConfig;

// GCC's tile intrinsics do not say that they touch memory.
TFSPARSE_INLINE void MemoryBarrier() { __asm__ volatile("" ::: "memory"); }

// Registers: sums of vector v in v, quads of x in 3 + v, weights in 6. The numbers have to
// be literals.

TFSPARSE_INLINE void ZeroSums() {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
}

// To [output][V][16].
template <int V>
TFSPARSE_INLINE void StoreAccumulators(int32_t* acc) {
  _tile_stored(0, acc, 64 * V);
  if constexpr (V > 1) _tile_stored(1, acc + 16, 64 * V);
  if constexpr (V > 2) _tile_stored(2, acc + 32, 64 * V);
}

// Loads weights [output][64] and quads [16][V][64].
template <int V>
TFSPARSE_INLINE void LoadOperands(const int8_t* weights, const uint8_t* quads) {
  _tile_loadd(6, weights, 64);
  _tile_loadd(3, quads, 64 * V);
  if constexpr (V > 1) _tile_loadd(4, quads + 64, 64 * V);
  if constexpr (V > 2) _tile_loadd(5, quads + 128, 64 * V);
}

// Adds the product of what was loaded.
template <int V>
TFSPARSE_INLINE void Accumulate() {
  _tile_dpbsud(0, 6, 3);
  if constexpr (V > 1) _tile_dpbsud(1, 6, 4);
  if constexpr (V > 2) _tile_dpbsud(2, 6, 5);
}

// Bytes of 16 quads that a pattern's bits name.
TFSPARSE_INLINE __mmask64 ByteMask(int32_t pattern) {
  return static_cast<uint64_t>(static_cast<uint32_t>(pattern)) * 0x1111111111111111u;
}

// Brings the 16 quads of a group together, each merged from S quads of the tile.
template <int V, int S>
TFSPARSE_INLINE void Gather(const uint8_t* tile, const int32_t* columns, uint8_t* quads) {
  const int32_t* patterns = columns + kTileGroups * S;
  for (int q = 0; q < kTileGroups; ++q, quads += 64 * V) {
    const uint8_t* x = tile + static_cast<int64_t>(columns[q]) * (64 * V);
    __m512i merged[V];
    for (int v = 0; v < V; ++v) merged[v] = _mm512_load_si512(x + 64 * v);
    for (int s = 1; s < S; ++s) {
      const int at = s * kTileGroups + q;
      const __mmask64 mask = ByteMask(patterns[at - kTileGroups]);
      x = tile + static_cast<int64_t>(columns[at]) * (64 * V);
      for (int v = 0; v < V; ++v) merged[v] = _mm512_mask_loadu_epi8(merged[v], mask, x + 64 * v);
    }
    for (int v = 0; v < V; ++v) _mm512_store_si512(quads + 64 * v, merged[v]);
  }
}

// The groups of consecutive panels, one after the other.
template <int V>
class Groups {
 public:
  Groups(const uint8_t* tile, const int32_t* columns) : tile_(tile), next_(columns) {}

  // Brings the quads of the next group together.
  TFSPARSE_INLINE void Prepare() {
    const unsigned place = prepared_++ % 2;
    const int32_t sources = *next_++;
    if (sources == 0) {
      quads_[place] = tile_ + static_cast<int64_t>(*next_++) * (64 * V);
      return;
    }
    uint8_t* quads = gathered_[place];
    quads_[place] = quads;
    switch (sources) {
      case 1:
        Gather<V, 1>(tile_, next_, quads);
        break;
      case 2:
        Gather<V, 2>(tile_, next_, quads);
        break;
      case 3:
        Gather<V, 3>(tile_, next_, quads);
        break;
      default:
        Gather<V, 4>(tile_, next_, quads);
        break;
    }
    next_ += kTileGroups * (2 * sources - 1);
    MemoryBarrier();
  }

  // The quads of the first group not yet taken, [16][V][64].
  TFSPARSE_INLINE const uint8_t* Take() { return quads_[taken_++ % 2]; }

 private:
  const uint8_t* tile_;
  const int32_t* next_;
  unsigned prepared_ = 0, taken_ = 0;
  const uint8_t* quads_[2];
  alignas(64) uint8_t gathered_[2][kTileGroups * V * 64];
};

// Adds acc_init to the stored sums of a panel, [output][V][16]. To load it into tile registers
// before the products would wait for all the stores before it.
template <int V>
TFSPARSE_INLINE void AddInit(const int32_t* acc_init, int32_t* acc) {
  const __m512i all = _mm512_loadu_si512(acc_init);
  if (_mm512_test_epi32_mask(all, all) == 0) return;
  for (int h = 0; h < kTileOutputs; ++h) {
    const __m512i init = _mm512_set1_epi32(acc_init[h]);
    for (int v = 0; v < V; ++v, acc += 16) {
      _mm512_store_si512(acc, _mm512_add_epi32(_mm512_load_si512(acc), init));
    }
  }
}

// Asks for the lines that a panel's sums will be stored to.
template <int V>
TFSPARSE_INLINE void FetchSums(const int32_t* acc) {
  for (int i = 0; i < kTileOutputs * V; ++i) {
    _mm_prefetch(reinterpret_cast<const char*>(acc + 16 * i), _MM_HINT_T0);
  }
}

// The sums of a panel that stores nothing.
template <int V>
void StoreInit(const int32_t* acc_init, int32_t* acc) {
  for (int i = 0; i < kTileOutputs * V; ++i) {
    _mm512_store_si512(acc + 16 * i, _mm512_set1_epi32(acc_init[i / V]));
  }
}

template <int V>
void Multiply(const MultiplyArgs& args) {
  const int8_t* w = static_cast<const int8_t*>(args.values) + args.panels[0].value;
  Groups<V> groups(static_cast<const uint8_t*>(args.tile), args.columns + args.panels[0].column);
  int64_t left = 0;
  for (int64_t s = 0; s < args.num_panels; ++s) left += args.panels[s].groups;
  if (left > 0) groups.Prepare();
  int32_t* finished = nullptr;  // sums that are still in registers
  const int32_t* finished_init = nullptr;
  for (int64_t s = 0; s < args.num_panels; ++s) {
    const Panel& panel = args.panels[s];
    const int64_t first = panel.out - args.first_out;
    const int32_t* acc_init = static_cast<const int32_t*>(args.acc_init) + first;
    int32_t* acc = static_cast<int32_t*>(args.acc) + first * (V * kLanes);
    if (panel.groups == 0) {
      StoreInit<V>(acc_init, acc);
      continue;
    }
    for (int64_t g = 0; g < panel.groups; ++g, w += kTileOutputs * 64) {
      if (--left > 0) groups.Prepare();
      LoadOperands<V>(w, groups.Take());
      if (g == 0) {
        if (finished != nullptr) StoreAccumulators<V>(finished);
        FetchSums<V>(acc);
        ZeroSums();
      }
      Accumulate<V>();
      MemoryBarrier();
      if (g == 0 && finished != nullptr) AddInit<V>(finished_init, finished);
    }
    finished = acc;
    finished_init = acc_init;
  }
  if (finished != nullptr) {
    StoreAccumulators<V>(finished);
    MemoryBarrier();
    AddInit<V>(finished_init, finished);
  }
}

}  // namespace

void BeginAmx() { _tile_loadconfig(&kTileConfig); }

void EndAmx() { _tile_release(); }

MultiplyFunction MultiplyAmx(int nr, int vectors) {
  if (nr != kTileOutputs) return nullptr;
  switch (vectors) {
    case 3:
      return Multiply<3>;
    case 2:
      return Multiply<2>;
    case 1:
      return Multiply<1>;
  }
  return nullptr;
}

}  // namespace tfsparse
