#ifndef TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PRODUCT_H_
#define TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PRODUCT_H_

// The product of both halves of attention, c[m][lane] = sum_k a[m][k] * b[k][lane], where b and c
// are rows of V registers and each element of a is broadcast from where it lies:
//
//   scores    a = keys      m: keys, k: channels, which follow each other in a
//   context   a = values    m: channels, k: keys, and here the m follow each other
//
// Sums of M x V registers stay in registers: M * V + V + 1 of them are used, and each step takes
// M * V fused multiply-adds and M + V loads. Sums are added up in the order of k, so they do not
// depend on how many m, or queries, a call has.
//
// This is text for files of one instruction set, not to be linked.

#include <cstdint>

namespace tfsparse {
namespace {

#define TFSPARSE_INLINE inline __attribute__((always_inline))

// How a is read. Elements are of 32 bits: a float, or a pair of bfloat16.
enum class Along {
  kK,  // the elements of a row of a follow each other; `stride` is from m to m
  kM,  // a lies transposed; `stride` is from k to k
};

// P: what an element is, and how it is multiplied (attention_f32.h, attention_bf16_avx512bf16.cc).
// Where `correction` is not null, c holds sums of earlier k, which are multiplied by it, a row of V
// registers.
template <class P, Along kAlong, int V, int M>
TFSPARSE_INLINE void MultiplyRows(const float* a, int64_t stride, const float* b, int64_t depth,
                                  const float* correction, float* c) {
  using Vec = typename P::Vec;
  constexpr int L = Vec::kLanes;
  typename Vec::F32 sums[M][V];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      sums[m][v] = correction == nullptr ? Vec::Broadcast(0.0f)
                                         : Vec::Multiply(Vec::Load(c + (m * V + v) * L),
                                                         Vec::Load(correction + v * L));
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    typename P::Operand of_b[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) of_b[v] = P::Load(b + (k * V + v) * L);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const float* at = kAlong == Along::kK ? a + m * stride + k : a + k * stride + m;
      const typename P::Operand of_a = P::Broadcast(at);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sums[m][v] = P::MultiplyAdd(of_a, of_b[v], sums[m][v]);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) Vec::Store(c + (m * V + v) * L, sums[m][v]);
  }
}

// The same of `count` m.
template <class P, Along kAlong, int V>
void Multiply(const float* a, int64_t stride, const float* b, int64_t depth,
              const float* correction, int64_t count, float* c) {
  constexpr int M = P::Vec::Height(V);
  const int64_t step = kAlong == Along::kK ? stride : 1;
  int64_t m = 0;
  for (; m + M <= count; m += M) {
    MultiplyRows<P, kAlong, V, M>(a + m * step, stride, b, depth, correction,
                                  c + m * V * P::Vec::kLanes);
  }
  for (; m + 4 <= count; m += 4) {
    MultiplyRows<P, kAlong, V, 4>(a + m * step, stride, b, depth, correction,
                                  c + m * V * P::Vec::kLanes);
  }
  for (; m < count; ++m) {
    MultiplyRows<P, kAlong, V, 1>(a + m * step, stride, b, depth, correction,
                                  c + m * V * P::Vec::kLanes);
  }
}

#undef TFSPARSE_INLINE

}  // namespace
}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ATTENTION_ATTENTION_PRODUCT_H_
