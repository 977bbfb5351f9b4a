#include "benchmarks/onednn_dense.h"

#include <dnnl.hpp>

#include "benchmarks/onednn_primitive.h"

extern "C" void omp_set_num_threads(int threads);

namespace tfsparse {
namespace {

using dnnl::matmul;
using dnnl::memory;
using Tag = memory::format_tag;
using Type = memory::data_type;

struct Problem {
  int64_t m, k, n;
  Type x, w, bias, y;
};

matmul::primitive_desc Describe(const dnnl::engine& engine, const Problem& p,
                                const dnnl::primitive_attr& attr) {
  const memory::desc x({p.m, p.k}, p.x, Tag::ab);
  const memory::desc w({p.k, p.n}, p.w, Tag::any);
  const memory::desc bias({1, p.n}, p.bias, Tag::ab);
  const memory::desc y({p.m, p.n}, p.y, Tag::ab);
#if DNNL_VERSION_MAJOR >= 3
  return matmul::primitive_desc(engine, x, w, bias, y, attr);
#else
  return matmul::primitive_desc(matmul::desc(x, w, bias, y), attr, engine);
#endif
}

class Dense : public OneDnnDense {
 public:
  Dense(const Problem& p, const void* w, const std::vector<float>& scale,
        const std::vector<float>& bias)
      : matmul_([&](const auto& engine, const auto& attr) { return Describe(engine, p, attr); },
                // Ours is [n, k]; to oneDNN that is [k, n] with the first axis contiguous.
                {{p.k, p.n}, p.w, Tag::ba}, w, /*scaled_axis=*/1, scale, p.bias, bias) {}

  void Run(const void* x, void* y) override { matmul_.Run(x, y); }

 private:
  OneDnnPrimitive<matmul> matmul_;
};

}  // namespace

std::unique_ptr<OneDnnDense> OneDnnDense::F32(int64_t m, int64_t k, int64_t n,
                                              const std::vector<float>& w,
                                              const std::vector<float>& bias) {
  const Problem problem = {m, k, n, Type::f32, Type::f32, Type::f32, Type::f32};
  return std::make_unique<Dense>(problem, w.data(), std::vector<float>(), bias);
}

std::unique_ptr<OneDnnDense> OneDnnDense::Bf16(int64_t m, int64_t k, int64_t n,
                                               const std::vector<BFloat16>& w,
                                               const std::vector<float>& bias) {
  const Problem problem = {m, k, n, Type::bf16, Type::bf16, Type::f32, Type::f32};
  return std::make_unique<Dense>(problem, w.data(), std::vector<float>(), bias);
}

std::unique_ptr<OneDnnDense> OneDnnDense::U8S8(int64_t m, int64_t k, int64_t n,
                                               const std::vector<int8_t>& w,
                                               const std::vector<float>& scale,
                                               const std::vector<float>& bias) {
  const Problem problem = {m, k, n, Type::u8, Type::s8, Type::s32, Type::u8};
  return std::make_unique<Dense>(problem, w.data(), scale, bias);
}

void SetOneDnnThreads(int threads) { omp_set_num_threads(threads); }

}  // namespace tfsparse
