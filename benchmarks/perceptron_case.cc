#include "benchmarks/perceptron_case.h"

#include <cmath>
#include <cstddef>
#include <memory>
#include <random>

#include "benchmarks/timing.h"
#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/format/random_matrix.h"
#include "custom_ops/matmul/matmul.h"

namespace tfsparse {
namespace {

constexpr int64_t kSizes[] = {480, 1024, 1024, 512, 256, 1};
constexpr double kTargetMsAtBatch1 = 0.010;
constexpr double kSeconds = 0.3;

struct Layer {
  std::unique_ptr<const Matmul<int8_t>> matmul;
  std::vector<float> scale, bias;
  AlignedBuffer<uint8_t> y;  // float of the last layer
  MatmulCall call;
};

// Scales such that each layer's outputs spread over uint8.
Status Make(const PerceptronCase& c, int64_t in, int64_t out, Layer* layer) {
  const double sparsity = out < c.block_out ? 0 : c.sparsity;
  const RandomMatrix<int8_t> weights(out, in, c.block_out, c.block_in, sparsity, /*seed=*/1);
  const auto scale = static_cast<float>(1 / (74 * std::sqrt(in * (1 - sparsity) + 1)));
  layer->scale.assign(out, scale);
  layer->bias.assign(out, 1.0f);
  layer->y = AlignedBuffer<uint8_t>(c.batch * out * static_cast<int64_t>(sizeof(float)));
  MatmulCall& call = layer->call;
  call.rows = c.batch;
  call.x_is_u8 = call.y_is_u8 = true;
  call.activation = Activation::kRelu;
  call.w_scale = layer->scale.data();
  call.bias = layer->bias.data();
  call.y = layer->y.data();
  return Matmul<int8_t>::Create(weights.view(), c.path, &layer->matmul);
}

}  // namespace

Status RunPerceptronCase(const PerceptronCase& c, double* ms) {
  constexpr size_t kLayers = std::size(kSizes) - 1;
  AlignedBuffer<float> x(c.batch * kSizes[0]);
  std::mt19937 random(2);
  for (int64_t i = 0; i < x.size(); ++i) {
    x.data()[i] = std::uniform_real_distribution<float>(0, 255)(random);
  }
  Layer layers[kLayers];
  for (size_t i = 0; i < kLayers; ++i) {
    if (Status status = Make(c, kSizes[i], kSizes[i + 1], &layers[i]); !status.ok()) return status;
    layers[i].call.x = i == 0 ? static_cast<const void*>(x.data()) : layers[i - 1].y.data();
  }
  layers[0].call.x_is_u8 = false;
  layers[kLayers - 1].call.y_is_u8 = false;
  layers[kLayers - 1].call.activation = Activation::kLinear;

  const Threads one;
  for (const Layer& layer : layers) {
    if (Status status = layer.matmul->Run(layer.call, one); !status.ok()) return status;
  }
  std::vector<double> times;
  for (double total = 0; total < 1000 * kSeconds; total += times.back()) {
    times.push_back(Milliseconds([&] {
      for (const Layer& layer : layers) (void)layer.matmul->Run(layer.call, one);
    }));
  }
  *ms = Median(times);
  return {};
}

std::vector<PerceptronCase> StandardPerceptronCases() {
  std::vector<PerceptronCase> cases;
  for (const PerceptronCase& kind : {PerceptronCase{1, 16, 4, 0.85, Path::kPortable, 0},
                                     PerceptronCase{1, 4, 1, 0.90, Path::kPortable, 0}}) {
    for (int64_t batch : {1, 4, 8, 64}) {
      cases.push_back(kind);
      cases.back().batch = batch;
      if (batch == 1) cases.back().target_ms = kTargetMsAtBatch1;
    }
  }
  return cases;
}

}  // namespace tfsparse
