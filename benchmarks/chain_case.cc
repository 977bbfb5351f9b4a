#include "benchmarks/chain_case.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#include "benchmarks/onednn_dense.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/kernels/reference.h"
#include "custom_ops/matmul/chain.h"

namespace tfsparse {
namespace {

constexpr double kSeconds = 1.0;
constexpr int kMinRepeats = 15;
constexpr int kTurn = 5;

double Milliseconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double Median(std::vector<double> times) {
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

Threads PlainThreads(int count) {
  Threads threads;
  threads.count = count;
  threads.parallel_for = [count](int64_t items, int64_t, const Threads::Body& body) {
    std::vector<std::thread> others;
    for (int t = 1; t < count; ++t) {
      others.emplace_back([&, t] { body(items * t / count, items * (t + 1) / count); });
    }
    body(0, items / count);
    for (std::thread& other : others) other.join();
  };
  return threads;
}

template <typename T>
struct Layer {
  Layer(const ChainCase& c, size_t i)
      : in(c.widths[i]),
        out(c.widths[i + 1]),
        last(i + 2 == c.widths.size()),
        matrix(out, in, std::min(c.block_out, out), c.block_in, last && out == 1 ? 0 : c.sparsity,
               static_cast<uint32_t>(i + 1)),
        dense(Unpack(matrix.view())),
        y(c.m * out),
        y_dense(c.m * out) {
    std::mt19937 random(static_cast<uint32_t>(i + 100));
    const float spread = 100 / (128 * 74 * std::sqrt(in * (1 - c.sparsity) + 1));
    std::uniform_real_distribution<float> near_one(0.5f, 1.0f);
    for (int64_t n = 0; n < out; ++n) {
      scale.push_back(spread * near_one(random));
      bias_sum.push_back(static_cast<float>(static_cast<int>(random() % 2000) - 1000));
      bias.push_back(std::is_same_v<T, float> ? near_one(random) : scale[n] * bias_sum[n]);
    }
  }

  std::unique_ptr<OneDnnDense> Baseline(const ChainCase& c) const {
    if constexpr (std::is_same_v<T, float>) {
      return OneDnnDense::F32(c.m, in, out, dense, bias);
    } else {
      return OneDnnDense::U8S8(c.m, in, out, dense, scale, bias_sum);
    }
  }

  int64_t in, out;
  bool last;
  RandomMatrix<T> matrix;
  std::vector<T> dense;
  AlignedBuffer<float> y;  // room for bytes as well
  AlignedBuffer<float> y_dense;
  std::vector<float> scale, bias, bias_sum;
  std::unique_ptr<const Matmul<T>> matmul;
  std::unique_ptr<OneDnnDense> baseline;
};

template <typename T>
Status Run(const ChainCase& c, ChainResult* result) {
  const int count = static_cast<int>(c.widths.size()) - 1;
  std::deque<Layer<T>> layers;
  double dense_weights = 0, stored = 0;
  SetOneDnnThreads(c.threads);
  for (int i = 0; i < count; ++i) {
    Layer<T>& layer = layers.emplace_back(c, i);
    if (Status status = Matmul<T>::Create(layer.matrix.view(), c.path, &layer.matmul);
        !status.ok()) {
      return status;
    }
    layer.baseline = layer.Baseline(c);
    dense_weights += static_cast<double>(layer.dense.size());
    stored += static_cast<double>(layer.dense.size() -
                                  std::count(layer.dense.begin(), layer.dense.end(), T{0}));
  }
  std::mt19937 random(2);
  AlignedBuffer<float> x(c.m * c.widths[0]);
  AlignedBuffer<uint8_t> x_u8(c.m * c.widths[0]);
  for (int64_t i = 0; i < x.size(); ++i) {
    x_u8.data()[i] = static_cast<uint8_t>(random() % 256);
    x.data()[i] = std::is_same_v<T, float> ? x_u8.data()[i] / 128.0f - 1 : x_u8.data()[i];
  }
  const auto calls = [&] {
    std::vector<ChainLayer<T>> calls;
    for (int i = 0; i < count; ++i) {
      MatmulCall call;
      call.rows = c.m;
      call.bias = layers[i].bias.data();
      call.w_scale = layers[i].scale.data();
      call.activation = i + 1 < count ? c.activation : Activation::kLinear;
      calls.push_back({layers[i].matmul.get(), call});
    }
    calls.front().call.x = x.data();
    calls.back().call.y = layers.back().y.data();
    return calls;
  };
  std::vector<ChainLayer<T>> chain = calls(), single = calls();
  for (int i = 0; i + 1 < count; ++i) {
    single[i].call.y = layers[i].y.data();
    single[i + 1].call.x = layers[i].y.data();
    single[i].call.y_is_u8 = single[i + 1].call.x_is_u8 = !std::is_same_v<T, float>;
  }
  const Threads threads = PlainThreads(c.threads);
  const auto ours = [&] { (void)Chain<T>(chain.data(), count).Run(threads); };
  const auto one_by_one = [&] {
    for (const ChainLayer<T>& each : single) (void)each.matmul->Run(each.call, threads);
  };
  const auto dense = [&] {
    const void* input = std::is_same_v<T, float> ? static_cast<const void*>(x.data()) : x_u8.data();
    for (Layer<T>& layer : layers) {
      layer.baseline->Run(input, layer.y_dense.data());
      input = layer.y_dense.data();
    }
  };
  if (Status status = Chain<T>(chain.data(), count).Run(threads); !status.ok()) return status;
  const std::vector<float> y(layers.back().y.data(), layers.back().y.data() + c.m * c.widths.back());
  one_by_one();
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i] != layers.back().y.data()[i]) return Status::Invalid("wrong result at element ", i);
  }
  std::vector<double> ms[3];
  double total = 0;
  const std::function<void()> sides[] = {ours, one_by_one, dense};
  while (total < 1000 * kSeconds || ms[0].size() < kMinRepeats) {
    for (int s = 0; s < 3; ++s) {
      for (int i = 0; i < kTurn; ++i) {
        ms[s].push_back(Milliseconds(sides[s]));
        total += ms[s].back();
      }
    }
  }
  result->sparsity = 1 - stored / dense_weights;
  result->ms = Median(ms[0]);
  result->one_by_one_ms = Median(ms[1]);
  result->onednn_dense_ms = Median(ms[2]);
  result->real_gops = 2e-6 * c.m * stored / result->ms;
  return {};
}

}  // namespace

Status RunChainCase(const ChainCase& problem, ChainResult* result) {
  return problem.precision == "fp32" ? Run<float>(problem, result) : Run<int8_t>(problem, result);
}

}  // namespace tfsparse
