#include "benchmarks/chain_case.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <type_traits>

#include "benchmarks/onednn_dense.h"
#include "benchmarks/thread_pool.h"
#include "benchmarks/timing.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/engine/chain.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/format/unpack.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/reference.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 0.8;  // measured per case, all sides together
constexpr int kCheckedRows = 8;

template <typename T>
constexpr bool kBytes = std::is_same_v<T, int8_t>;

// Weights of a layer, with scales that spread its y over uint8.
template <typename T>
struct Layer {
  Layer(const ChainCase& c, size_t i)
      : in(c.widths[i]),
        out(c.widths[i + 1]),
        matrix(out, in, std::min(c.block_out, out), c.block_in, out == 1 ? 0 : c.sparsity,
               /*seed=*/static_cast<uint32_t>(i + 1)),
        dense(Unpack(matrix.view())),
        y(c.m * out),
        y_dense(c.m * out) {
    std::mt19937 random(static_cast<uint32_t>(i + 100));
    const float spread = 100 / (128 * 74 * std::sqrt(in * (1 - c.sparsity) + 1));
    std::uniform_real_distribution<float> near_one(0.5f, 1.0f);
    for (int64_t n = 0; n < out; ++n) {
      scale.push_back(spread * near_one(random));
      bias_sum.push_back(static_cast<float>(static_cast<int>(random() % 2000) - 1000));
      bias.push_back(kBytes<T> ? scale[n] * bias_sum[n] : near_one(random));
    }
  }

  std::unique_ptr<OneDnnDense> Baseline(int64_t m) const {
    if constexpr (kBytes<T>) return OneDnnDense::U8S8(m, in, out, dense, scale, bias_sum);
    if constexpr (!kBytes<T>) return OneDnnDense::F32(m, in, out, dense, bias);
  }

  int64_t in, out;
  RandomMatrix<T> matrix;
  std::vector<T> dense;
  AlignedBuffer<float> y, y_dense;  // room for bytes as well
  std::vector<float> scale, bias, bias_sum;
  std::unique_ptr<const SparseLayer<T>> matmul;
  std::unique_ptr<OneDnnDense> baseline;
};

template <typename T>
class Network {
 public:
  explicit Network(const ChainCase& c) : case_(c), x_(c.m * c.widths[0]), x_u8_(x_.size()) {
    std::mt19937 random(2);
    for (int64_t i = 0; i < x_.size(); ++i) {
      const auto byte = static_cast<uint8_t>(random() % 256);
      x_u8_.data()[i] = byte;
      x_.data()[i] = kBytes<T> ? byte : byte / 128.0f - 1;
    }
  }

  Status Make() {
    SetOneDnnThreads(case_.threads);
    for (size_t i = 0; i + 1 < case_.widths.size(); ++i) {
      Layer<T>& layer = layers_.emplace_back(case_, i);
      const Status status = SparseLayer<T>::Create(layer.matrix.view(), case_.isa, &layer.matmul);
      if (!status.ok()) return status;
      layer.baseline = layer.Baseline(case_.m);
      weights_ += static_cast<double>(layer.dense.size());
      stored_ += static_cast<double>(layer.dense.size() -
                                     std::count(layer.dense.begin(), layer.dense.end(), T{0}));
    }
    return {};
  }

  int count() const { return static_cast<int>(layers_.size()); }
  double stored() const { return stored_; }
  double sparsity() const { return 1 - stored_ / weights_; }

  // The layers' calls, linked: the chain writes what is between layers anew.
  std::vector<ChainLayer<T>> Calls(int64_t rows) {
    std::vector<ChainLayer<T>> calls;
    for (Layer<T>& layer : layers_) {
      LayerCall call;
      call.rows = rows;
      call.epilogue.bias = layer.bias.data();
      call.quantization.w_scale = layer.scale.data();
      call.epilogue.activation = case_.activation;
      call.y.data = layer.y.data();
      call.x.data = calls.empty() ? x_.data() : calls.back().call.y.data;
      call.x.is_u8 = kBytes<T> && !calls.empty();
      call.y.is_u8 = kBytes<T>;
      calls.push_back({layer.matmul.get(), call});
    }
    calls.back().call.y.is_u8 = false;
    calls.back().call.epilogue.activation = Activation::kLinear;
    return calls;
  }

  void RunDense() {
    const void* x = kBytes<T> ? static_cast<const void*>(x_u8_.data()) : x_.data();
    for (Layer<T>& layer : layers_) {
      layer.baseline->Run(x, layer.y_dense.data());
      x = layer.y_dense.data();
    }
  }

  // Compares some rows of y, the first and the last among them: bit for bit in int8.
  Status Check() const {
    for (int i = 0; i < kCheckedRows; ++i) {
      const int64_t row = (case_.m - 1) * i / (kCheckedRows - 1);
      const std::vector<float> expected = Expected(row);
      const float* y = layers_.back().y.data() + row * layers_.back().out;
      for (size_t n = 0; n < expected.size(); ++n) {
        const float bound = kBytes<T> ? 0 : 1e-4f * (1 + std::abs(expected[n]));
        if (!(std::abs(y[n] - expected[n]) <= bound)) {
          return Status::Invalid("wrong result at row ", row, ", output ", n, ": expected ",
                                 expected[n], ", received ", y[n]);
        }
      }
    }
    return {};
  }

 private:
  // The definition, layer after layer.
  std::vector<float> Expected(int64_t row) const {
    const int64_t in = case_.widths[0];
    std::vector<float> x(x_.data() + row * in, x_.data() + (row + 1) * in);
    for (const Layer<T>& layer : layers_) {
      const bool last = &layer == &layers_.back();
      const std::vector<uint8_t> bytes(x.begin(), x.end());
      std::vector<float> y;
      for (int64_t n = 0; n < layer.out; ++n) {
        const T* w = layer.dense.data() + n * layer.in;
        const Activation activation = last ? Activation::kLinear : case_.activation;
        if constexpr (kBytes<T>) {
          float value = ReferenceDot(bytes.data(), 0, w, layer.in, layer.scale[n], layer.bias[n]);
          WithActivation(activation,
                         [&](auto a) { value = Activate<LanesScalar, a.value>(value); });
          y.push_back(last ? value : QuantizeU8(value, 1.0f, 0));
        } else {
          y.push_back(
              static_cast<float>(ReferenceDot(x.data(), w, layer.in, layer.bias[n], activation)));
        }
      }
      x = std::move(y);
    }
    return x;
  }

  const ChainCase& case_;
  AlignedBuffer<float> x_;
  AlignedBuffer<uint8_t> x_u8_;
  std::deque<Layer<T>> layers_;
  double weights_ = 0, stored_ = 0;
};

template <typename T>
Status Run(const ChainCase& c, ChainResult* result) {
  Network<T> network(c);
  if (Status status = network.Make(); !status.ok()) return status;
  ThreadPool pool(c.threads);
  const Threads threads = pool.threads();
  std::vector<ChainLayer<T>> chain = network.Calls(c.m);
  const std::vector<ChainLayer<T>> single = network.Calls(c.m);
  std::vector<ChainLayer<T>> fewer = network.Calls(c.fewer_rows);
  const auto run = [&](std::vector<ChainLayer<T>>& layers) {
    return Chain<T>(layers.data(), network.count()).Run(threads);
  };
  if (Status status = run(chain); !status.ok()) return status;
  if (Status status = network.Check(); !status.ok()) return status;

  std::array<std::function<void()>, 4> sides = {
      [&] { (void)run(chain); },
      [&] {
        for (const ChainLayer<T>& each : single) (void)each.matmul->Run(each.call, threads);
      },
      [&] { network.RunDense(); },
      {},
  };
  if (c.fewer_rows > 0) sides[3] = [&] { (void)run(fewer); };
  const std::array<double, 4> ms = TimeInTurns(sides, kSeconds);
  result->sparsity = network.sparsity();
  result->ms = ms[0], result->one_by_one_ms = ms[1];
  result->onednn_dense_ms = ms[2], result->fewer_rows_ms = ms[3];
  result->real_gops = 2e-6 * c.m * network.stored() / ms[0];
  return {};
}

}  // namespace

Status RunChainCase(const ChainCase& problem, ChainResult* result) {
  return problem.precision == "fp32" ? Run<float>(problem, result) : Run<int8_t>(problem, result);
}

std::vector<ChainCase> StandardChainCases() {
  const ChainCase perceptron = {
      "DLRM 480-1024-1024-512-256-1", {480, 1024, 1024, 512, 256, 1}, "int8", 16, 4, 0.85};
  std::vector<ChainCase> cases;
  const auto add = [&](ChainCase c, int64_t m, ChainTarget target) {
    c.m = m, c.target = target;
    cases.push_back(c);
  };
  for (auto [block_out, block_in, sparsity] :
       {std::tuple{16, 4, 0.85}, std::tuple{4, 1, 0.85}, std::tuple{4, 1, 0.90}}) {
    ChainCase c = perceptron;
    c.block_out = block_out, c.block_in = block_in, c.sparsity = sparsity;
    const bool quads = block_in == 4;
    add(c, 2048, quads ? ChainTarget{"over_limit", 1.35} : ChainTarget{});
    add(c, 64, quads ? ChainTarget{"ms", 0.060} : ChainTarget{});
    add(c, 8, {"vs_onednn_dense", 2}), add(c, 4, {"vs_onednn_dense", 2}), add(c, 1, {"ms", 0.010});
  }
  ChainCase fp32 = perceptron;
  fp32.precision = "fp32";
  add(fp32, 2048, {}), add(fp32, 64, {});
  for (ChainCase ffn : {ChainCase{"FFN 256-1024-256", {256, 1024, 256}, "int8", 4, 1, 0.90},
                        ChainCase{"FFN 1024-4096-1024", {1024, 4096, 1024}, "int8", 4, 1, 0.90}}) {
    for (Activation activation : {Activation::kRelu, Activation::kGelu}) {
      ffn.activation = activation, ffn.fewer_rows = 128;
      add(ffn, 3072, {"over_fewer_rows", 1});
    }
  }
  return cases;
}

}  // namespace tfsparse
