#ifndef TFSPARSE_CUSTOM_OPS_TF_OPS_PREPARED_WEIGHTS_H_
#define TFSPARSE_CUSTOM_OPS_TF_OPS_PREPARED_WEIGHTS_H_

// Weights that an op has packed, kept for its next call.
//
// Why. Packing costs about as much as multiplying a few hundred rows; a served
// model multiplies by the same weights again and again.
//
// When are they the same weights? An address is not an answer: eager mode frees
// and reuses memory, a variable is assigned in place, a NumPy array that backs a
// tensor is written to. So one of two things is kept beside the packed weights:
//
//   constant weights (is_weight_const)   the tensors themselves. As long as we
//       hold them their memory is nobody else's, and TensorFlow forwards or
//       overwrites no buffer that somebody else holds: the same address is the
//       same content.
//   any others   a copy of the arrays, and every call compares it, byte by byte.
//       That reads the weights once per call, which is little beside multiplying
//       by them.
//
// A file may claim constant weights that are not. It gets wrong numbers then, never
// a wrong read: indices are validated and packed from a copy that is ours alone.
//
// An op has more than one set of weights in eager mode (TensorFlow shares the
// kernel between calls of equal attributes), so a few are kept, the oldest given up
// first.
//
// Concurrency. Any number of calls at a time. The list is guarded by a lock that is
// held for finding an entry, never for packing: two calls that meet new weights both
// pack them, and the first one's are kept and used by both.

#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "custom_ops/format/block_sparse_matrix.h"
#include "custom_ops/matmul/matmul.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor_util.h"

namespace tfsparse {

// The three arrays of a block-sparse matrix as an op receives them.
struct WeightTensors {
  tensorflow::Tensor data;
  tensorflow::Tensor indices;
  tensorflow::Tensor indptr;
};

template <typename T>
class PreparedWeights {
 public:
  explicit PreparedWeights(bool constant) : constant_(constant) {}

  // The packed form of `weights`, for `units` outputs and `inputs` inputs.
  // Fails as Matmul::Create does.
  Status Get(const WeightTensors& weights, int64_t units, int64_t inputs, Path path,
             std::shared_ptr<const Matmul<T>>* prepared) {
    if ((*prepared = Find(weights, units, inputs))) return {};
    const WeightTensors copy = Copy(weights);
    std::unique_ptr<const Matmul<T>> made;
    if (Status status = Matmul<T>::Create(View(copy, units, inputs), path, &made); !status.ok()) {
      return status;
    }
    *prepared = Keep({constant_ ? weights : copy, std::move(made)});
    return {};
  }

 private:
  struct Entry {
    WeightTensors weights;
    std::shared_ptr<const Matmul<T>> prepared;
  };

  static constexpr size_t kMostKept = 8;

  static BlockSparseMatrix<T> View(const WeightTensors& weights, int64_t units, int64_t inputs) {
    BlockSparseMatrix<T> view;
    view.out = units;
    view.in = inputs;
    view.block_out = weights.data.dim_size(1);
    view.block_in = weights.data.dim_size(2);
    view.num_blocks = weights.data.dim_size(0);
    view.num_indices = weights.indices.NumElements();
    view.num_indptr = weights.indptr.NumElements();
    view.data = static_cast<const T*>(weights.data.data());
    view.indices = weights.indices.template flat<int32_t>().data();
    view.indptr = weights.indptr.template flat<int32_t>().data();
    return view;
  }

  // Of a constant, only what decides where is read: a copy of the values costs
  // memory and guards nothing.
  WeightTensors Copy(const WeightTensors& weights) const {
    return {constant_ ? weights.data : tensorflow::tensor::DeepCopy(weights.data),
            tensorflow::tensor::DeepCopy(weights.indices),
            tensorflow::tensor::DeepCopy(weights.indptr)};
  }

  bool Same(const tensorflow::Tensor& kept, const tensorflow::Tensor& seen) const {
    if (!kept.IsSameSize(seen)) return false;
    if (constant_) return kept.data() == seen.data();
    return kept.NumElements() == 0 || std::memcmp(kept.data(), seen.data(), kept.TotalBytes()) == 0;
  }

  std::shared_ptr<const Matmul<T>> Find(const WeightTensors& weights, int64_t units,
                                        int64_t inputs) const {
    std::shared_lock lock(mutex_);
    return FindLocked(weights, units, inputs);
  }

  std::shared_ptr<const Matmul<T>> FindLocked(const WeightTensors& weights, int64_t units,
                                              int64_t inputs) const {
    for (const Entry& entry : entries_) {
      if (entry.prepared->out() == units && entry.prepared->in() == inputs &&
          Same(entry.weights.indptr, weights.indptr) &&
          Same(entry.weights.indices, weights.indices) && Same(entry.weights.data, weights.data)) {
        return entry.prepared;
      }
    }
    return nullptr;
  }

  // Keeps an entry, or gives the one of the same weights that another call has kept
  // meanwhile.
  std::shared_ptr<const Matmul<T>> Keep(Entry entry) {
    std::unique_lock lock(mutex_);
    auto kept = FindLocked(entry.weights, entry.prepared->out(), entry.prepared->in());
    if (kept != nullptr) return kept;
    if (entries_.size() == kMostKept) entries_.pop_back();
    entries_.push_front(std::move(entry));
    return entries_.front().prepared;
  }

  const bool constant_;
  mutable std::shared_mutex mutex_;
  std::deque<Entry> entries_;  // guarded by mutex_
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_PREPARED_WEIGHTS_H_
