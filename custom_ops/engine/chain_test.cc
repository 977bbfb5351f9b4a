// A chain gives the bits of its layers run one after the other, on every ISA, whatever its
// layers' blocks, rows and threads; and it refuses what they refuse.

#include "custom_ops/engine/chain.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/engine/epilogue_constants.h"
#include "custom_ops/engine/layer_problem.h"
#include "custom_ops/engine/tile_registers.h"
#include "custom_ops/engine/tile_runner.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

// More than any N block of sums is.
constexpr int64_t kBehindTile = int64_t{kPaddedNBlock} * kMaxVectors * kLanes * 4;

// Widths of the activations from x to y, and the layers' blocks.
struct Layers {
  std::vector<int64_t> widths;
  std::vector<std::pair<int64_t, int64_t>> blocks;
};

// Blocks of one kernel and of several; widths around a lane, a quad, an N block; N blocks that
// begin at outputs that are no multiple of four (3x1, 7x8), the last of them close to the end of
// the tile (5x4); layers that share no NR of tiles (16x4 beside 4x1).
const Layers kChains[] = {
    {{64, 64, 64}, {{16, 4}, {16, 4}}},
    {{40, 130, 70, 33, 1}, {{16, 4}, {16, 4}, {8, 4}, {1, 4}}},
    {{40, 130, 70, 33, 1}, {{4, 1}, {4, 1}, {2, 1}, {1, 1}}},
    {{17, 66, 5, 67}, {{2, 2}, {4, 2}, {2, 4}}},
    {{33, 69, 71, 12}, {{3, 1}, {6, 1}, {5, 3}}},
    {{20, 200, 35}, {{7, 8}, {3, 4}}},
    {{20, 64, 128, 35}, {{5, 4}, {6, 4}, {4, 4}}},
    {{48, 96, 48}, {{16, 4}, {4, 1}}},
    {{31, 9}, {{4, 1}}},
};

// Layers, the rows they are given, and what is between them when they run one by one.
template <typename T>
class ChainProblem {
 public:
  ChainProblem(const Layers& layers, int64_t rows, double sparsity, Isa isa, uint32_t seed) {
    for (size_t i = 0; i < layers.blocks.size(); ++i) {
      const auto [block_out, block_in] = layers.blocks[i];
      const Shape shape = {rows, layers.widths[i], layers.widths[i + 1], block_out, block_in};
      problems_.emplace_back(shape, sparsity, seed + static_cast<uint32_t>(i));
      problems_.back().call.epilogue.residual.data = nullptr;
      std::unique_ptr<const SparseLayer<T>> made;
      const Status status = SparseLayer<T>::Create(problems_.back().matrix.view(), isa, &made);
      EXPECT_TRUE(status.ok()) << status.message();
      matmuls_.push_back(std::move(made));
    }
    if (seed % 2 == 0) last().call.epilogue.residual.data = last().residual.data();
  }

  Problem<T>& first() { return problems_.front(); }
  Problem<T>& last() { return problems_.back(); }
  Problem<T>& at(int layer) { return problems_[layer]; }
  const SparseLayer<T>& matmul(int layer) const { return *matmuls_[layer]; }
  int count() const { return static_cast<int>(problems_.size()); }

  std::vector<ChainLayer<T>> layers() {
    std::vector<ChainLayer<T>> layers;
    for (int i = 0; i < count(); ++i) layers.push_back({matmuls_[i].get(), at(i).call});
    return layers;
  }

  std::vector<uint8_t> RunOneByOne() {
    std::vector<uint8_t> y;
    for (int i = 0; i < count(); ++i) {
      const std::vector<uint8_t> x = y;
      LayerCall& call = at(i).call;
      const LayerCall kept = call;
      if (i > 0) {
        call.x.data = x.data();
        call.x.is_u8 = std::is_same_v<T, int8_t>;
      }
      if (i + 1 < count()) {
        call.y.is_u8 = std::is_same_v<T, int8_t>;
        call.quantization.y_scale = at(i + 1).call.quantization.x_scale;
        call.quantization.y_zero_point = at(i + 1).call.quantization.x_zero_point;
      }
      y = at(i).Run(matmul(i), Threads());
      call = kept;
    }
    return y;
  }

  std::vector<uint8_t> RunAsChain(const Threads& threads) {
    const int64_t bytes = last().y_size() * last().call.y.element_bytes();
    std::vector<uint8_t> buffer(bytes + 2 * kGuard, kSentinel);
    std::vector<ChainLayer<T>> layers = this->layers();
    layers.back().call.y.data = buffer.data() + kGuard;
    const Status status = Chain<T>(layers.data(), count()).Run(threads);
    EXPECT_TRUE(status.ok()) << status.message();
    const auto is_sentinel = [](uint8_t byte) { return byte == kSentinel; };
    EXPECT_TRUE(std::all_of(buffer.begin(), buffer.begin() + kGuard, is_sentinel)) << "before y";
    EXPECT_TRUE(std::all_of(buffer.end() - kGuard, buffer.end(), is_sentinel)) << "after y";
    return {buffer.begin() + kGuard, buffer.end() - kGuard};
  }

 private:
  std::deque<Problem<T>> problems_;
  std::vector<std::unique_ptr<const SparseLayer<T>>> matmuls_;
};

template <typename T>
void ExpectSame(ChainProblem<T>& problem) {
  const std::vector<uint8_t> y = problem.RunOneByOne();
  EXPECT_EQ(problem.RunAsChain(Threads()), y) << "one thread";
  EXPECT_EQ(problem.RunAsChain(RoundRobin(2)), y) << "two threads";
  EXPECT_EQ(problem.RunAsChain(RoundRobin(7)), y) << "seven threads";
}

class ChainOnIsa : public testing::TestWithParam<Isa> {
 protected:
  template <typename T, class Change>
  void CheckAll(const Change& change) {
    uint32_t seed = 0;
    for (const Layers& layers : kChains) {
      for (int64_t rows : {1, 9, 31, 64, 150, 300}) {
        for (double sparsity : {0.0, 0.8}) {
          SCOPED_TRACE(testing::Message()
                       << layers.blocks.size() << " layers from " << layers.widths[0]
                       << " inputs in blocks of " << layers.blocks[0].first << "x"
                       << layers.blocks[0].second << ", rows " << rows << ", seed " << seed);
          ChainProblem<T> problem(layers, rows, sparsity, GetParam(), seed++);
          change(problem, seed);
          ExpectSame(problem);
        }
      }
    }
  }
};

TEST_P(ChainOnIsa, Int8IsItsLayersOneByOne) {
  CheckAll<int8_t>([](ChainProblem<int8_t>& problem, uint32_t seed) {
    problem.last().call.y.is_u8 = seed % 3 == 0;
    if (seed % 4 == 0) {
      problem.first().call.x.is_u8 = false;
      problem.first().call.x.data = problem.first().x_float.data();
    }
    // Relu at zero point 0, which is a clamp; and sums that scale beyond int32.
    for (int i = 0; i < problem.count(); ++i) {
      LayerCall& call = problem.at(i).call;
      if (seed % 2 == 0) call.epilogue.activation = Activation::kRelu;
      if (seed % 2 == 0) call.quantization.x_zero_point = 0;
      if (seed % 5 == 0) problem.at(i).w_scale[0] = 4e4f;
    }
  });
}

TEST_P(ChainOnIsa, FloatIsItsLayersOneByOne) {
  CheckAll<float>([](ChainProblem<float>&, uint32_t) {});
}

TEST_P(ChainOnIsa, Bf16IsItsLayersOneByOne) {
  CheckAll<BFloat16>([](ChainProblem<BFloat16>&, uint32_t) {});
}

// Of a float chain, what is not finite in x, or becomes so between two layers, meets the zeros of
// W too.
template <typename T>
void CheckNonFinite(Isa isa) {
  const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  uint32_t seed = 1;
  for (const Layers& layers : kChains) {
    for (float value : {kInf, kNan, 3e38f}) {
      SCOPED_TRACE(testing::Message() << value << " into " << layers.widths[0] << " inputs");
      ChainProblem<T> problem(layers, 130, 0.7, isa, seed++);
      for (int i = 0; i < problem.count(); ++i)
        problem.at(i).call.epilogue.activation = Activation::kRelu;
      std::mt19937 random(seed);
      for (int i = 0; i < 3; ++i) problem.first().x[random() % problem.first().x.size()] = value;
      const std::vector<float> expected = AsFloats(problem.RunOneByOne());
      EXPECT_FALSE(
          std::all_of(expected.begin(), expected.end(), [](float y) { return std::isfinite(y); }) &&
          !std::isfinite(value));
      const std::vector<float> y = AsFloats(problem.RunAsChain(RoundRobin(3)));
      ASSERT_EQ(y.size(), expected.size());
      for (size_t i = 0; i < y.size(); ++i) ASSERT_TRUE(same(y[i], expected[i])) << i;
    }
  }
}

TEST_P(ChainOnIsa, FloatSpreadsWhatIsNotFinite) { CheckNonFinite<float>(GetParam()); }
TEST_P(ChainOnIsa, Bf16SpreadsWhatIsNotFinite) { CheckNonFinite<BFloat16>(GetParam()); }

// Layers that share no NR of tiles, and more rows than are between them at a time.
TEST_P(ChainOnIsa, ManyRowsLayerByLayer) {
  const Layers mixed = {{48, 32, 16}, {{16, 4}, {4, 1}}};
  for (int64_t rows : {1025, 2500}) {
    ChainProblem<int8_t> bytes(mixed, rows, 0.5, GetParam(), 2);
    ExpectSame(bytes);
    ChainProblem<float> floats(mixed, rows, 0.5, GetParam(), 2);
    ExpectSame(floats);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ChainOnIsa, testing::ValuesIn(SupportedIsas(GetCpuFeatures())),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

// No layer writes behind the tile that it hands over.
template <typename T>
void CheckTileIsEnough(Isa isa) {
  uint32_t seed = 0;
  for (const Layers& layers : kChains) {
    ChainProblem<T> problem(layers, 64, 0.5, isa, seed++);
    for (int i = 0; i + 1 < problem.count(); ++i) {
      const PackedLayer<T>& here = problem.matmul(i).prepared();
      const PackedLayer<T>& next = problem.matmul(i + 1).prepared();
      const int vectors = std::max(here.kernel.min_vectors, next.kernel.min_vectors);
      if (!here.CanFeedTileOf(next) || vectors > here.kernel.max_vectors) continue;
      const LayerCall& call = problem.at(i).call;
      const auto constants = EpilogueConstants<T>::Of(here.weight_sums, here.weights.out, call);
      const TileRunner<T> work(here, call, constants);
      const AlignedBuffer<uint8_t> packed(work.PackedBytes(vectors));
      const int64_t bytes =
          TileRunner<T>(next, problem.at(i + 1).call, constants).PackedBytes(vectors);
      AlignedBuffer<uint8_t> tile(bytes + kBehindTile);
      std::fill_n(tile.data() + bytes, kBehindTile, kSentinel);
      TileRows rows;
      rows.rows = vectors * kLanes;
      rows.vectors = vectors;
      TileRegisters registers;
      registers.SetUpFor(here.functions);
      work.MultiplyIntoTile(rows, packed.data(), next, tile.data());
      EXPECT_TRUE(std::all_of(tile.data() + bytes, tile.data() + tile.size(),
                              [](uint8_t byte) { return byte == kSentinel; }))
          << "layer " << i << " of " << problem.count() << " from " << layers.widths[0];
    }
  }
}

TEST_P(ChainOnIsa, TilesAreEnough) {
  CheckTileIsEnough<float>(GetParam());
  CheckTileIsEnough<BFloat16>(GetParam());
  CheckTileIsEnough<int8_t>(GetParam());
}

TEST(Chain, FeedsTilesWhereNBlocksAreQuads) {
  const Isa best = SupportedIsas(GetCpuFeatures()).back();
  if (!Includes(best, Isa::kAvx2)) GTEST_SKIP() << "portable code hands over by rows";
  ChainProblem<int8_t> problem(kChains[0], 300, 0.8, best, 1);
  EXPECT_TRUE(problem.matmul(0).prepared().CanFeedTileOf(problem.matmul(1).prepared()));
  ChainProblem<int8_t> odd(kChains[4], 300, 0.8, best, 1);
  EXPECT_FALSE(odd.matmul(0).prepared().CanFeedTileOf(odd.matmul(1).prepared()));
  ChainProblem<BFloat16> bf16(kChains[0], 300, 0.8, best, 1);
  EXPECT_TRUE(bf16.matmul(0).prepared().CanFeedTileOf(bf16.matmul(1).prepared()));
}

template <typename T>
std::string Error(std::vector<ChainLayer<T>> layers) {
  return Chain<T>(layers.data(), static_cast<int>(layers.size())).Run(Threads()).message();
}

TEST(Chain, RefusesLayersThatDoNotFit) {
  ChainProblem<float> wide(kChains[0], 20, 0.5, Isa::kPortable, 1);
  ChainProblem<float> narrow(kChains[8], 20, 0.5, Isa::kPortable, 1);
  std::vector<ChainLayer<float>> layers = wide.layers();
  layers.push_back(narrow.layers().front());
  EXPECT_EQ(Error(layers),
            "A layer should have as many inputs as the one before has outputs. "
            "Received: 31 inputs of layer 2 for 64 outputs");
}

TEST(Chain, RefusesNoneAndTooMany) {
  EXPECT_EQ(Error(std::vector<ChainLayer<float>>()),
            "A chain should have 1 to 16 layers. Received: 0");
  ChainProblem<float> problem(kChains[0], 20, 0.5, Isa::kPortable, 1);
  EXPECT_EQ(Error(std::vector<ChainLayer<float>>(17, problem.layers().front())),
            "A chain should have 1 to 16 layers. Received: 17");
}

TEST(Chain, RefusesWhatALayerRefuses) {
  ChainProblem<int8_t> problem(kChains[0], 20, 0.5, Isa::kPortable, 1);
  std::vector<ChainLayer<int8_t>> layers = problem.layers();
  layers[1].call.quantization.x_scale = 0;
  EXPECT_NE(Error(layers).find("_scale` should be finite and positive"), std::string::npos);
}

TEST(Chain, NoRowsAreNoWork) {
  ChainProblem<float> problem(kChains[0], 0, 0.5, Isa::kPortable, 1);
  std::vector<ChainLayer<float>> layers = problem.layers();
  EXPECT_EQ(Error(layers), "");
}

}  // namespace
}  // namespace tfsparse
