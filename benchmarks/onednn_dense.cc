#include "benchmarks/onednn_dense.h"

#include <cmath>
#include <dnnl.hpp>
#include <unordered_map>
#include <utility>

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

// oneDNN 3 takes a primitive's arguments directly, oneDNN 2 in a descriptor; and scales
// moved from the attributes to an argument.
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

dnnl::primitive_attr Attributes(const std::vector<float>& scale) {
  dnnl::primitive_attr attr;
  dnnl::post_ops relu;
#if DNNL_VERSION_MAJOR >= 3
  relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
  if (!scale.empty()) attr.set_scales_mask(DNNL_ARG_WEIGHTS, 1 << 1);
#else
  relu.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0, 0);
  if (!scale.empty()) attr.set_output_scales(1 << 1, scale);
#endif
  attr.set_post_ops(relu);
  return attr;
}

class Dense : public OneDnnDense {
 public:
  Dense(const Problem& problem, const void* w, const std::vector<float>& scale,
        const std::vector<float>& bias)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        descriptor_(Describe(engine_, problem, Attributes(scale))),
        primitive_(descriptor_),
        bias_values_(bias),
        scale_values_(scale) {
    // Ours is [n, k]; to oneDNN that is [k, n] with the first axis contiguous.
    memory plain({{problem.k, problem.n}, problem.w, Tag::ba}, engine_, const_cast<void*>(w));
    memory best(descriptor_.weights_desc(), engine_);
    dnnl::reorder(plain, best).execute(stream_, plain, best);
    arguments_ = {{DNNL_ARG_WEIGHTS, best},
                  {DNNL_ARG_SRC, memory(descriptor_.src_desc(), engine_, nullptr)},
                  {DNNL_ARG_DST, memory(descriptor_.dst_desc(), engine_, nullptr)}};
    SetBias(problem.bias);
#if DNNL_VERSION_MAJOR >= 3
    if (!scale.empty()) {
      arguments_[DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS] =
          memory({{problem.n}, Type::f32, Tag::a}, engine_, scale_values_.data());
    }
#endif
    stream_.wait();
  }

  void Run(const void* x, void* y) override {
    arguments_[DNNL_ARG_SRC].set_data_handle(const_cast<void*>(x));
    arguments_[DNNL_ARG_DST].set_data_handle(y);
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

 private:
  void SetBias(Type type) {
    void* data = bias_values_.data();
    if (type == Type::s32) {
      for (float b : bias_values_) bias_sums_.push_back(static_cast<int32_t>(std::lround(b)));
      data = bias_sums_.data();
    }
    arguments_[DNNL_ARG_BIAS] = memory(descriptor_.bias_desc(), engine_, data);
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  matmul::primitive_desc descriptor_;
  matmul primitive_;
  std::vector<float> bias_values_;
  std::vector<int32_t> bias_sums_;
  std::vector<float> scale_values_;
  std::unordered_map<int, memory> arguments_;
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
