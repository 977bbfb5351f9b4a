#include "custom_ops/tf_ops/prepared_weights.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "custom_ops/format/random_matrix.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

using ::tensorflow::DT_FLOAT;
using ::tensorflow::DT_INT32;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using Prepared = std::shared_ptr<const SparseLayer<float>>;

constexpr int64_t kUnits = 32, kInputs = 24;

// What an op's context owns.
struct Owned {
  Tensor data, indices, indptr;
};

// Tensors of their own memory.
Owned Weights(uint32_t seed, int64_t units = kUnits) {
  const RandomMatrix<float> matrix(units, kInputs, 4, 2, 0.5, seed);
  const int64_t blocks = static_cast<int64_t>(matrix.indices.size());
  Owned weights = {Tensor(DT_FLOAT, TensorShape({blocks, 4, 2})),
                   Tensor(DT_INT32, TensorShape({blocks})),
                   Tensor(DT_INT32, TensorShape({static_cast<int64_t>(matrix.indptr.size())}))};
  std::copy(matrix.data.begin(), matrix.data.end(), weights.data.flat<float>().data());
  std::copy(matrix.indices.begin(), matrix.indices.end(), weights.indices.flat<int32_t>().data());
  std::copy(matrix.indptr.begin(), matrix.indptr.end(), weights.indptr.flat<int32_t>().data());
  return weights;
}

Status TryGet(PreparedWeights<float>& kept, const Owned& weights, int64_t units, int64_t inputs,
              Prepared* prepared) {
  return kept.Get({weights.data, weights.indices, weights.indptr}, units, inputs, Isa::kPortable,
                  Threads(), prepared);
}

Prepared Get(PreparedWeights<float>& kept, const Owned& weights, int64_t units = kUnits) {
  Prepared prepared;
  const Status status = TryGet(kept, weights, units, kInputs, &prepared);
  EXPECT_TRUE(status.ok()) << status.message();
  return prepared;
}

TEST(PreparedWeights, PacksOnce) {
  for (bool constant : {true, false}) {
    PreparedWeights<float> kept(constant);
    const Owned a = Weights(1), b = Weights(2);
    const Prepared first_a = Get(kept, a), first_b = Get(kept, b);
    EXPECT_NE(first_a, first_b);
    EXPECT_EQ(Get(kept, a), first_a);
    EXPECT_EQ(Get(kept, b), first_b);
  }
}

TEST(PreparedWeights, SeesWhatChangesInPlace) {
  PreparedWeights<float> kept(/*constant=*/false);
  Owned weights = Weights(1);
  const Prepared before = Get(kept, weights);
  weights.data.flat<float>()(0) += 1;
  const Prepared after = Get(kept, weights);
  EXPECT_NE(after, before);
  // The same values elsewhere: the first block of a row moves one column to the left.
  const int32_t* indptr = weights.indptr.flat<int32_t>().data();
  int32_t* indices = weights.indices.flat<int32_t>().data();
  int row = 0;
  while (indptr[row] == indptr[row + 1] || indices[indptr[row]] == 0) ++row;
  ASSERT_LT(row, kUnits / 4);
  --indices[indptr[row]];
  EXPECT_NE(Get(kept, weights), after);
}

TEST(PreparedWeights, HoldsConstantsSoThatTheirMemoryIsNotReused) {
  PreparedWeights<float> kept(/*constant=*/true);
  for (uint32_t seed = 0; seed < 6; ++seed) {
    // Freed at the end of each turn: without a reference, the next turn's tensors could
    // lie at the same address.
    const Owned weights = Weights(seed % 2);
    const Prepared prepared = Get(kept, weights);
    EXPECT_FALSE(weights.data.RefCountIsOne());
    EXPECT_EQ(Get(kept, weights), prepared);
  }
}

TEST(PreparedWeights, TellsShapesOfEqualBytesApart) {
  PreparedWeights<float> kept(/*constant=*/false);
  const Owned weights = Weights(1);
  const Prepared prepared = Get(kept, weights);
  Prepared wider;
  ASSERT_TRUE(TryGet(kept, weights, kUnits, kInputs + 5, &wider).ok());
  EXPECT_NE(wider, prepared);
  EXPECT_EQ(wider->in(), kInputs + 5);
}

TEST(PreparedWeights, GivesUpTheOldestOfMany) {
  PreparedWeights<float> kept(/*constant=*/true);
  std::vector<Owned> weights;
  std::vector<Prepared> first;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    weights.push_back(Weights(seed));
    first.push_back(Get(kept, weights.back()));
  }
  EXPECT_EQ(Get(kept, weights.back()), first.back());
  EXPECT_NE(Get(kept, weights.front()), first.front());
  EXPECT_EQ(first.front().use_count(), 1) << "the packed weights that were given up are freed";
}

// Large enough that all threads are packing before the first one is done.
TEST(PreparedWeights, KeepsOneOfManyThatMeetNewWeightsTogether) {
  constexpr int64_t kMany = 1 << 15;
  constexpr int kThreads = 4;
  for (uint32_t round = 0; round < 12; ++round) {
    PreparedWeights<float> kept(/*constant=*/round % 2 == 0);
    const Owned weights = Weights(round, kMany);
    std::vector<Prepared> seen(kThreads);
    std::atomic<int> waiting = kThreads;
    std::vector<std::thread> threads;
    for (Prepared& one : seen) {
      threads.emplace_back([&] {
        --waiting;
        while (waiting > 0) std::this_thread::yield();
        one = Get(kept, weights, kMany);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Prepared& one : seen) EXPECT_EQ(one, seen[0]);
    EXPECT_EQ(Get(kept, weights, kMany), seen[0]);
  }
}

// More sets than are kept, so that entries are freed while other threads look through them.
TEST(PreparedWeights, FreesNothingThatIsRead) {
  constexpr int kSets = 12, kThreads = 4, kTurns = 3000;
  for (bool constant : {true, false}) {
    PreparedWeights<float> kept(constant);
    std::vector<Owned> sets;
    for (int i = 0; i < kSets; ++i) sets.push_back(Weights(i, kUnits + 4 * i));
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int turn = 0; turn < kTurns; ++turn) {
          const int i = turn * (t + 1) % kSets, units = kUnits + 4 * i;
          Prepared prepared;
          if (!TryGet(kept, sets[i], units, kInputs, &prepared).ok()) ++wrong;
          if (prepared == nullptr || prepared->out() != units) ++wrong;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
  }
}

TEST(PreparedWeights, KeepsNothingThatIsRefused) {
  PreparedWeights<float> kept(/*constant=*/true);
  Owned weights = Weights(1);
  weights.indices.flat<int32_t>()(0) = 1 << 20;
  for (int i = 0; i < 2; ++i) {
    Prepared prepared;
    EXPECT_FALSE(TryGet(kept, weights, kUnits, kInputs, &prepared).ok());
    EXPECT_EQ(prepared, nullptr);
  }
}

}  // namespace
}  // namespace tfsparse
