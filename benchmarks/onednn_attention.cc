#include "benchmarks/onednn_attention.h"

#include <dnnl.hpp>
#include <vector>

namespace tfsparse {
namespace {

using dnnl::layer_normalization_forward;
using dnnl::matmul;
using dnnl::memory;
using dnnl::softmax_forward;
using Type = memory::data_type;
using Dims = memory::dims;

#if DNNL_VERSION_MAJOR >= 3

matmul::primitive_desc DescribeProduct(const dnnl::engine& engine, const memory::desc& a,
                                       const memory::desc& b, const memory::desc& c, float scale) {
  dnnl::primitive_attr attr;
  dnnl::post_ops post;
  if (scale != 1) post.append_eltwise(dnnl::algorithm::eltwise_linear, scale, 0);
  attr.set_post_ops(post);
  return matmul::primitive_desc(engine, a, b, c, attr);
}

softmax_forward::primitive_desc DescribeSoftmax(const dnnl::engine& engine, const memory::desc& s) {
  return softmax_forward::primitive_desc(engine, dnnl::prop_kind::forward_inference,
                                         dnnl::algorithm::softmax_accurate, s, s, 3);
}

layer_normalization_forward::primitive_desc DescribeNorm(const dnnl::engine& engine,
                                                         const memory::desc& x, float epsilon) {
  return layer_normalization_forward::primitive_desc(
      engine, dnnl::prop_kind::forward_inference, x, x, epsilon,
      dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift);
}

#else

matmul::primitive_desc DescribeProduct(const dnnl::engine& engine, const memory::desc& a,
                                       const memory::desc& b, const memory::desc& c, float scale) {
  dnnl::primitive_attr attr;
  if (scale != 1) attr.set_output_scales(0, {scale});
  return matmul::primitive_desc(matmul::desc(a, b, c), attr, engine);
}

softmax_forward::primitive_desc DescribeSoftmax(const dnnl::engine& engine, const memory::desc& s) {
  return softmax_forward::primitive_desc(
      softmax_forward::desc(dnnl::prop_kind::forward_inference, s, 3), engine);
}

layer_normalization_forward::primitive_desc DescribeNorm(const dnnl::engine& engine,
                                                         const memory::desc& x, float epsilon) {
  return layer_normalization_forward::primitive_desc(
      layer_normalization_forward::desc(
          dnnl::prop_kind::forward_inference, x, epsilon,
          dnnl::normalization_flags::use_scale | dnnl::normalization_flags::use_shift),
      engine);
}

#endif

class Attention : public OneDnnAttention {
 public:
  Attention(int64_t b, int64_t h, int64_t t, int64_t d, float scale)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        rows_(Dims{b, h, t, d}, Type::f32, Dims{t * h * d, d, h * d, 1}),
        columns_(Dims{b, h, d, t}, Type::f32, Dims{t * h * d, d, 1, h * d}),
        scores_desc_(Dims{b, h, t, t}, Type::f32, memory::format_tag::abcd),
        scores_(scores_desc_, engine_),
        score_product_(DescribeProduct(engine_, rows_, columns_, scores_desc_, scale)),
        softmax_(DescribeSoftmax(engine_, scores_desc_)),
        context_product_(DescribeProduct(engine_, scores_desc_, rows_, rows_, 1)) {}

  void Run(const float* query, const float* key, const float* value, float* y) override {
    score_product_.execute(stream_, {{DNNL_ARG_SRC, At(rows_, query)},
                                     {DNNL_ARG_WEIGHTS, At(columns_, key)},
                                     {DNNL_ARG_DST, scores_}});
    softmax_.execute(stream_, {{DNNL_ARG_SRC, scores_}, {DNNL_ARG_DST, scores_}});
    context_product_.execute(stream_, {{DNNL_ARG_SRC, scores_},
                                       {DNNL_ARG_WEIGHTS, At(rows_, value)},
                                       {DNNL_ARG_DST, At(rows_, y)}});
    stream_.wait();
  }

 private:
  memory At(const memory::desc& desc, const float* data) const {
    return memory(desc, engine_, const_cast<float*>(data));
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  memory::desc rows_, columns_, scores_desc_;
  memory scores_;
  matmul score_product_;
  softmax_forward softmax_;
  matmul context_product_;
};

class LayerNorm : public OneDnnLayerNorm {
 public:
  LayerNorm(int64_t rows, int64_t size, float epsilon)
      : engine_(dnnl::engine::kind::cpu, 0),
        stream_(engine_),
        rows_(Dims{rows, size}, Type::f32, memory::format_tag::ab),
        row_(Dims{size}, Type::f32, memory::format_tag::a),
        norm_(DescribeNorm(engine_, rows_, epsilon)) {}

  void Run(const float* x, const float* gamma, const float* beta, float* y) override {
    norm_.execute(stream_, {{DNNL_ARG_SRC, At(rows_, x)},
                            {DNNL_ARG_SCALE, At(row_, gamma)},
                            {DNNL_ARG_SHIFT, At(row_, beta)},
                            {DNNL_ARG_DST, At(rows_, y)}});
    stream_.wait();
  }

 private:
  memory At(const memory::desc& desc, const float* data) const {
    return memory(desc, engine_, const_cast<float*>(data));
  }

  dnnl::engine engine_;
  dnnl::stream stream_;
  memory::desc rows_, row_;
  layer_normalization_forward norm_;
};

}  // namespace

std::unique_ptr<OneDnnAttention> OneDnnAttention::F32(int64_t batch, int64_t heads, int64_t length,
                                                      int64_t head_size, float scale) {
  return std::make_unique<Attention>(batch, heads, length, head_size, scale);
}

std::unique_ptr<OneDnnLayerNorm> OneDnnLayerNorm::F32(int64_t rows, int64_t size, float epsilon) {
  return std::make_unique<LayerNorm>(rows, size, epsilon);
}

}  // namespace tfsparse
