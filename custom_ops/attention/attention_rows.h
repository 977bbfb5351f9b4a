#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_ROWS_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_ROWS_H_

// Rows of queries into lanes, and lanes into rows of y.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

#include "custom_ops/attention/attention_args.h"

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// Floats of a row from element `at` on, `count` of them at the most, zeros behind them.
template <class Vec>
struct FloatReader {
  TFSPARSE_INLINE typename Vec::F32 Load(const void* row, int64_t at, int64_t count) const {
    const float* p = static_cast<const float*>(row) + at;
    return count >= Vec::kLanes ? Vec::LoadSome(p, Vec::kLanes) : Vec::LoadSome(p, count);
  }
};

template <class Vec>
struct ByteReader {
  explicit ByteReader(const Affine& affine)
      : scale(Vec::Broadcast(affine.scale)),
        shift(Vec::Broadcast(static_cast<float>(-affine.zero_point))) {}

  TFSPARSE_INLINE typename Vec::F32 Load(const void* row, int64_t at, int64_t count) const {
    const auto bytes = Vec::LoadBytes(static_cast<const uint8_t*>(row) + at, count);
    const auto value = Vec::Multiply(Vec::Add(Vec::ToFloats(bytes), shift), scale);
    return count >= Vec::kLanes ? value
                                : Vec::Select(Vec::First(count), value, Vec::Broadcast(0.0f));
  }

  typename Vec::F32 scale, shift;
};

// Calls call(reader) with the one of this type.
template <class Vec, class Call>
TFSPARSE_INLINE void WithReader(bool is_u8, const Affine& affine, const Call& call) {
  is_u8 ? call(ByteReader<Vec>(affine)) : call(FloatReader<Vec>());
}

// to[d][row] = scale * query[row][d], zeros behind the last row; P says how an operand is stored.
template <class P, int V, class Reader>
void PackQueriesOf(const AttentionTileArgs& args, const Reader& reader, float* to) {
  using Vec = typename P::Vec;
  constexpr int L = Vec::kLanes;
  const auto scale = Vec::Broadcast(args.scale);
  for (int v = 0; v < V; ++v) {
    for (int64_t d = 0; d < args.head_size; d += L) {
      const int64_t left = args.head_size - d < L ? args.head_size - d : L;
      typename Vec::I32 rows[L];
      for (int i = 0; i < L; ++i) {
        const int64_t row = v * L + i;
        rows[i] = row < args.rows
                      ? Vec::AsInts(Vec::Multiply(scale, reader.Load(args.query_at[row], d, left)))
                      : Vec::Zero();
      }
      Vec::Transpose(rows);
      P::template StoreRows<V>(rows, left, to + (d / P::kInLane * V + v) * L);
    }
  }
}

template <class P, int V>
TFSPARSE_INLINE void PackQueries(const AttentionTileArgs& args, float* to) {
  WithReader<typename P::Vec>(args.is_u8, args.query_affine,
                              [&](const auto& reader) { PackQueriesOf<P, V>(args, reader, to); });
}

// y[row][d] = context[d][row] * inverse[row].
template <class Vec, int V>
void WriteRows(const AttentionTileArgs& args, const float* context, const float* inverse) {
  constexpr int L = Vec::kLanes;
  const auto inv_scale = Vec::Broadcast(args.inv_y_scale);
  const auto low = Vec::Broadcast(static_cast<float>(-args.y_zero_point));
  const auto high = Vec::Broadcast(static_cast<float>(255 - args.y_zero_point));
  const auto zero_point = Vec::Broadcast(args.y_zero_point);
  for (int v = 0; v < V; ++v) {
    const auto factor = Vec::Load(inverse + v * L);
    for (int64_t d = 0; d < args.value_head_size; d += L) {
      const int64_t left = args.value_head_size - d;
      typename Vec::I32 rows[L];
      for (int i = 0; i < L; ++i) {
        rows[i] =
            i < left
                ? Vec::AsInts(Vec::Multiply(factor, Vec::Load(context + ((d + i) * V + v) * L)))
                : Vec::Zero();
      }
      Vec::Transpose(rows);
      for (int i = 0; i < L && v * L + i < args.rows; ++i) {
        void* y = args.y_at[v * L + i];
        const auto value = Vec::AsFloats(rows[i]);
        if (args.y_is_u8) {
          const auto scaled = Vec::Max(Vec::Multiply(value, inv_scale), low);  // low for NaN
          const auto q = Vec::Add(Vec::Round(Vec::Min(scaled, high)), zero_point);
          Vec::StoreBytes(static_cast<uint8_t*>(y) + d, q, left);
        } else {
          Vec::StoreSome(static_cast<float*>(y) + d, value, left);
        }
      }
    }
  }
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_ROWS_H_
