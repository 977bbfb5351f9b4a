#include "benchmarks/packing_case.h"

#include <algorithm>
#include <memory>

#include "benchmarks/thread_pool.h"
#include "benchmarks/timing.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/format/random_matrix.h"

namespace tfsparse {
namespace {

constexpr int kMaxRepeats = 15, kMinRepeats = 3;
constexpr double kSeconds = 0.5;

template <typename T>
Status Run(const PackingCase& c, std::vector<PackingResult>* results) {
  const RandomMatrix<T> matrix(c.n, c.k, c.block_out, c.block_in, c.sparsity, /*seed=*/1);
  const double stored =
      static_cast<double>(matrix.data.size() * sizeof(T) +
                          (matrix.indices.size() + matrix.indptr.size()) * sizeof(int32_t));
  ThreadPool one(1), two(2, /*own_cores=*/true);
  ThreadPool* const pools[] = {&one, &two};
  std::vector<double> ms[2];
  std::unique_ptr<const SparseLayer<T>> made;
  double total = 0;
  for (int i = 0; i < kMaxRepeats && (i < kMinRepeats || total < 1000 * kSeconds); ++i) {
    for (int t : {0, 1}) {
      made.reset();  // its memory is not in use twice
      Status status;
      ms[t].push_back(Milliseconds([&] {
        status = SparseLayer<T>::Create(matrix.view(), c.isa, &made, pools[t]->threads());
      }));
      if (!status.ok()) return status;
      total += ms[t].back();
    }
  }
  for (int t : {0, 1}) {
    PackingResult result;
    result.kernel = made->kernel_name(1 << 20);
    result.threads = t + 1;
    result.ms = Median(ms[t]);
    result.megabytes = stored / 1e6;
    result.packed_over_stored = static_cast<double>(made->bytes()) / stored;
    results->push_back(result);
  }
  return {};
}

PackingCase Case(const char* precision, int64_t block_out, int64_t block_in, double sparsity,
                 int64_t size) {
  PackingCase c;
  c.precision = precision;
  c.block_out = block_out, c.block_in = block_in;
  c.sparsity = sparsity;
  c.k = c.n = size;
  return c;
}

}  // namespace

Status RunPackingCase(const PackingCase& problem, std::vector<PackingResult>* results) {
  return problem.precision == "fp32" ? Run<float>(problem, results) : Run<int8_t>(problem, results);
}

std::vector<PackingCase> StandardPackingCases() {
  return {Case("int8", 16, 4, 0.85, 4096), Case("int8", 4, 1, 0.90, 4096),
          Case("fp32", 16, 4, 0.85, 4096), Case("fp32", 4, 1, 0.90, 4096),
          Case("int8", 16, 4, 0.85, 25088)};
}

}  // namespace tfsparse
