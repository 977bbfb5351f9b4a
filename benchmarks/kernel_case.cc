#include "benchmarks/kernel_case.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>

#include "benchmarks/onednn_dense.h"
#include "benchmarks/thread_pool.h"
#include "benchmarks/timing.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/bfloat16.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/reference.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 0.7;  // measured per case, both sides together
constexpr int kCheckedRows = 16;

// Half of the outputs fuller than the others, to see whether threads share what is stored.
template <typename T>
RandomMatrix<T> Weights(const KernelCase& c) {
  if (!c.uneven) return RandomMatrix<T>(c.n, c.k, c.block_out, c.block_in, c.sparsity, /*seed=*/1);
  RandomMatrix<T> weights(c.n, c.k, c.block_out, c.block_in, /*sparsity=*/1, /*seed=*/1);
  weights.indptr.resize(1);
  for (double sparsity : {0.5, 0.99}) {
    const RandomMatrix<T> half(c.n / 2, c.k, c.block_out, c.block_in, sparsity, /*seed=*/1);
    const int32_t before = weights.indptr.back();
    for (size_t i = 1; i < half.indptr.size(); ++i)
      weights.indptr.push_back(before + half.indptr[i]);
    weights.indices.insert(weights.indices.end(), half.indices.begin(), half.indices.end());
    weights.data.insert(weights.data.end(), half.data.begin(), half.data.end());
  }
  return weights;
}

template <typename T>
constexpr bool kIsInt8 = std::is_same_v<T, int8_t>;

template <typename T>
struct Data {
  using X = std::conditional_t<kIsInt8<T>, uint8_t, float>;

  explicit Data(const KernelCase& c)
      : matrix(Weights<T>(c)),
        dense(Unpack(matrix.view())),
        x(c.m * c.k),
        y(c.m * c.n),
        y_dense(c.m * c.n) {
    std::mt19937 random(2);
    for (int64_t i = 0; i < x.size(); ++i) {
      x.data()[i] = kIsInt8<T>
                        ? static_cast<X>(random() % 256)
                        : static_cast<X>(std::uniform_real_distribution<float>(-1, 1)(random));
    }
    if constexpr (std::is_same_v<T, BFloat16>) {
      for (int64_t i = 0; i < x.size(); ++i) rounded.push_back(RoundToBFloat16(x.data()[i]));
    }
    // Scales that spread y over uint8.
    const float spread = 100 / (128 * 74 * std::sqrt(c.k * (1 - c.sparsity) + 1));
    std::uniform_real_distribution<float> near_one(0.5f, 1.0f);
    for (int64_t n = 0; n < c.n; ++n) {
      scale.push_back(spread * near_one(random));
      bias_sum.push_back(static_cast<float>(static_cast<int>(random() % 2000) - 1000));
      bias.push_back(kIsInt8<T> ? scale[n] * bias_sum[n] : near_one(random));
    }
  }

  LayerCall Call(const KernelCase& c) {
    LayerCall call;
    call.x.data = x.data();
    call.x.is_u8 = call.y.is_u8 = kIsInt8<T>;
    call.rows = c.m;
    call.epilogue.bias = bias.data();
    call.epilogue.activation = c.activation;
    call.y.data = y.data();
    call.quantization.w_scale = scale.data();
    return call;
  }

  std::unique_ptr<OneDnnDense> Baseline(const KernelCase& c) const {
    if constexpr (std::is_same_v<T, float>) {
      return OneDnnDense::F32(c.m, c.k, c.n, dense, bias);
    } else if constexpr (std::is_same_v<T, BFloat16>) {
      return OneDnnDense::Bf16(c.m, c.k, c.n, dense, bias);
    } else {
      return OneDnnDense::U8S8(c.m, c.k, c.n, dense, scale, bias_sum);
    }
  }

  // oneDNN takes bfloat16 as it is.
  const void* BaselineX() const {
    return rounded.empty() ? static_cast<const void*>(x.data()) : rounded.data();
  }

  RandomMatrix<T> matrix;
  std::vector<T> dense;
  AlignedBuffer<X> x, y, y_dense;  // as TensorFlow's tensors are
  std::vector<BFloat16> rounded;   // x, for bfloat16 weights
  std::vector<float> scale, bias, bias_sum;
};

// What y[row, n] should be, and how far a product in another order may be from it. oneDNN's is
// checked against its ReLU.
template <typename T>
void Expect(const KernelCase& c, const Data<T>& data, Activation activation, int64_t row, int64_t n,
            float* expected, float* bound) {
  const auto* x = data.x.data() + row * c.k;
  const T* w = data.dense.data() + n * c.k;
  if constexpr (std::is_same_v<T, float>) {
    *expected = static_cast<float>(ReferenceDot(x, w, c.k, data.bias[n], activation));
    *bound = 1e-6f * (c.k + 1);  // |x|, |w| <= 1: k roundings of 2^-24
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    double sum = data.bias[n];
    for (int64_t k = 0; k < c.k; ++k) {
      sum += static_cast<double>(data.rounded[row * c.k + k].ToFloat()) * w[k].ToFloat();
    }
    *expected = static_cast<float>(ReferenceActivation(sum, activation));
    *bound = 1e-6f * (c.k + 1);
  } else {
    float y = ReferenceDot(x, 0, w, c.k, data.scale[n], data.bias[n]);
    WithActivation(activation, [&](auto a) { y = Activate<LanesScalar, a.value>(y); });
    *expected = QuantizeU8(y, 1.0f, 0);
    *bound = c.activation > Activation::kRelu6 ? 1 : 0;  // from a table (activation_table.h)
  }
}

// Compares some rows, the first and the last among them.
template <typename T>
Status Check(const KernelCase& c, const Data<T>& data) {
  for (int i = 0; i < kCheckedRows; ++i) {
    const int64_t row = (c.m - 1) * i / (kCheckedRows - 1);
    for (int64_t n = 0; n < c.n; ++n) {
      float expected, bound;
      Expect(c, data, c.activation, row, n, &expected, &bound);
      const float ours = data.y.data()[row * c.n + n];
      if (!(std::abs(ours - expected) <= bound)) {
        return Status::Invalid("wrong result at row ", row, ", output ", n, ": expected ", expected,
                               ", received ", ours);
      }
    }
  }
  return {};
}

template <typename T>
Status CheckDense(const KernelCase& c, const Data<T>& data) {
  for (int i = 0; i < kCheckedRows; ++i) {
    const int64_t row = (c.m - 1) * i / (kCheckedRows - 1);
    for (int64_t n = 0; n < c.n; ++n) {
      float expected, bound;
      Expect(c, data, Activation::kRelu, row, n, &expected, &bound);
      const float dense = data.y_dense.data()[row * c.n + n];
      // In int8 it rounds in another order.
      if (!(std::abs(dense - expected) <= (kIsInt8<T> ? 1 : bound))) {
        return Status::Invalid("wrong result of oneDNN at row ", row, ", output ", n, ": expected ",
                               expected, ", received ", dense);
      }
    }
  }
  return {};
}

template <typename T>
double Sparsity(const Data<T>& data) {
  return static_cast<double>(std::count(data.dense.begin(), data.dense.end(), T{0})) /
         static_cast<double>(data.dense.size());
}

template <typename T>
Status Run(const KernelCase& c, double peak_gops, KernelResult* result) {
  Data<T> data(c);
  std::unique_ptr<const SparseLayer<T>> matmul;
  if (Status status = SparseLayer<T>::Create(data.matrix.view(), c.isa, &matmul); !status.ok()) {
    return status;
  }
  SetOneDnnThreads(c.threads);
  const std::unique_ptr<OneDnnDense> baseline = data.Baseline(c);
  ThreadPool pool(c.threads);
  const Threads threads = pool.threads();
  const LayerCall call = data.Call(c);
  const auto ours = [&] { (void)matmul->Run(call, threads); };
  const auto dense = [&] { baseline->Run(data.BaselineX(), data.y_dense.data()); };

  if (Status status = matmul->Run(call, threads); !status.ok()) return status;
  dense();
  if (Status status = Check(c, data); !status.ok()) return status;
  if (Status status = CheckDense(c, data); !status.ok()) return status;

  const auto ms = TimeInTurns<2>({ours, dense}, kSeconds);
  result->ms = ms[0], result->onednn_dense_ms = ms[1];

  result->problem = c;
  result->kernel = matmul->kernel_name(c.m);
  result->sparsity = Sparsity(data);
  result->effective_gops = 2e-6 * c.m * c.k * c.n / result->ms;
  result->real_gops = result->effective_gops * (1 - result->sparsity);
  result->peak_gops = peak_gops * c.threads;
  return {};
}

template <typename T>
Status Compare(const KernelCase& c, const KernelCase& beside, ComparisonResult* result) {
  Data<T> data(c);
  std::unique_ptr<const SparseLayer<T>> matmul;
  if (Status status = SparseLayer<T>::Create(data.matrix.view(), c.isa, &matmul); !status.ok()) {
    return status;
  }
  ThreadPool pool(c.threads, /*own_cores=*/true), beside_pool(beside.threads);
  const Threads threads = pool.threads(), beside_threads = beside_pool.threads();
  const LayerCall call = data.Call(c), beside_call = data.Call(beside);
  for (bool other : {false, true}) {
    const Status run =
        other ? matmul->Run(beside_call, beside_threads) : matmul->Run(call, threads);
    if (!run.ok()) return run;
    if (Status status = Check(other ? beside : c, data); !status.ok()) return status;
  }
  const auto ms = TimeInTurns<2>({[&] { (void)matmul->Run(call, threads); },
                                  [&] { (void)matmul->Run(beside_call, beside_threads); }},
                                 kSeconds);
  result->ms = ms[0], result->beside_ms = ms[1];
  result->problem = c;
  result->beside = beside;
  result->kernel = matmul->kernel_name(c.m);
  result->sparsity = Sparsity(data);
  return {};
}

// A matrix and what is multiplied by it, checked and ready to be timed.
template <typename T>
struct Ours {
  explicit Ours(const KernelCase& c) : data(c) {}

  Status Prepare(const KernelCase& c, const Threads& threads) {
    if (Status status = SparseLayer<T>::Create(data.matrix.view(), c.isa, &matmul); !status.ok()) {
      return status;
    }
    call = data.Call(c);
    if (Status status = matmul->Run(call, threads); !status.ok()) return status;
    return Check(c, data);
  }

  Data<T> data;
  std::unique_ptr<const SparseLayer<T>> matmul;
  LayerCall call;
};

}  // namespace

Status RunBf16Comparison(const KernelCase& c, ComparisonResult* result) {
  Ours<BFloat16> half(c);
  Ours<float> whole(c);
  ThreadPool pool(c.threads);
  const Threads threads = pool.threads();
  if (Status status = half.Prepare(c, threads); !status.ok()) return status;
  if (Status status = whole.Prepare(c, threads); !status.ok()) return status;
  const auto ms = TimeInTurns<2>({[&] { (void)half.matmul->Run(half.call, threads); },
                                  [&] { (void)whole.matmul->Run(whole.call, threads); }},
                                 kSeconds);
  result->ms = ms[0], result->beside_ms = ms[1];
  result->problem = result->beside = c;
  result->beside.precision = "fp32";
  result->kernel = half.matmul->kernel_name(c.m);
  result->sparsity = Sparsity(half.data);
  return {};
}

Status RunComparison(const KernelCase& problem, const KernelCase& beside,
                     ComparisonResult* result) {
  return problem.precision == "fp32" ? Compare<float>(problem, beside, result)
                                     : Compare<int8_t>(problem, beside, result);
}

Status RunKernelCase(const KernelCase& problem, double peak_gops, KernelResult* result) {
  return problem.precision == "fp32"   ? Run<float>(problem, peak_gops, result)
         : problem.precision == "bf16" ? Run<BFloat16>(problem, peak_gops, result)
                                       : Run<int8_t>(problem, peak_gops, result);
}

}  // namespace tfsparse
