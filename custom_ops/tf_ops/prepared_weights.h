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
// Concurrency. Any number of calls at a time, and one that finds its weights takes no lock.
// It reads pointers to entries that never change; `readers_` counts the calls that are doing
// so. A call that keeps new weights holds a lock against others that do. It takes the oldest
// entry out of its slot, and frees it once it sees no reader: whoever begins to read after
// that sees the slot as it is now. While there are readers, entries that were taken out wait
// for the next call that keeps some. Packing is done by no lock: two calls that meet new
// weights both pack them, and the first one's are kept and used by both.

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/base/parallel_for.h"
#include "custom_ops/engine/sparse_layer.h"
#include "custom_ops/format/block_sparse_matrix.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor_util.h"

namespace tfsparse {

// The three arrays of a block-sparse matrix as an op receives them.
struct WeightTensors {
  const tensorflow::Tensor& data;
  const tensorflow::Tensor& indices;
  const tensorflow::Tensor& indptr;
};

// Layer is what is made of them: a Matmul, or a Conv.
template <typename T, class Layer = SparseLayer<T>>
class PreparedWeights {
 public:
  explicit PreparedWeights(bool constant) : constant_(constant) {}

  PreparedWeights(const PreparedWeights&) = delete;
  PreparedWeights& operator=(const PreparedWeights&) = delete;

  ~PreparedWeights() {
    for (std::atomic<const Entry*>& slot : slots_) delete slot.load();
  }

  // The packed form of `weights`, for `units` outputs and `inputs` inputs, which `threads` pack
  // where they are new. Fails as Layer::Create does, which takes `more` as well: the same in every
  // call.
  template <class... More>
  Status Get(const WeightTensors& weights, int64_t units, int64_t inputs, Isa isa,
             const Threads& threads, std::shared_ptr<const Layer>* prepared, const More&... more) {
    if ((*prepared = Find(weights, units, inputs))) return {};
    Entry entry = Copy(weights);
    std::unique_ptr<const Layer> made;
    const BlockSparseMatrix<T> view = View(entry, units, inputs);
    Status status = Layer::Create(view, isa, &made, threads, more...);
    if (!status.ok()) return status;
    entry.prepared = std::move(made);
    if (constant_) entry.indices = weights.indices, entry.indptr = weights.indptr;
    *prepared = Keep(std::make_unique<const Entry>(std::move(entry)));
    return {};
  }

 private:
  struct Entry {
    tensorflow::Tensor data, indices, indptr;
    std::shared_ptr<const Layer> prepared;
  };

  static constexpr size_t kMaxKept = 8;

  static BlockSparseMatrix<T> View(const Entry& weights, int64_t units, int64_t inputs) {
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
  Entry Copy(const WeightTensors& weights) const {
    return {constant_ ? weights.data : tensorflow::tensor::DeepCopy(weights.data),
            tensorflow::tensor::DeepCopy(weights.indices),
            tensorflow::tensor::DeepCopy(weights.indptr), nullptr};
  }

  bool Same(const tensorflow::Tensor& kept, const tensorflow::Tensor& seen) const {
    if (!kept.IsSameSize(seen)) return false;
    if (constant_) return kept.data() == seen.data();
    return kept.NumElements() == 0 || std::memcmp(kept.data(), seen.data(), kept.TotalBytes()) == 0;
  }

  std::shared_ptr<const Layer> Find(const WeightTensors& weights, int64_t units,
                                    int64_t inputs) const {
    readers_.fetch_add(1);
    std::shared_ptr<const Layer> found;
    for (const std::atomic<const Entry*>& slot : slots_) {
      const Entry* entry = slot.load();
      if (entry != nullptr && entry->prepared->out() == units && entry->prepared->in() == inputs &&
          Same(entry->indptr, weights.indptr) && Same(entry->indices, weights.indices) &&
          Same(entry->data, weights.data)) {
        found = entry->prepared;
        break;
      }
    }
    readers_.fetch_sub(1);
    return found;
  }

  // Keeps an entry, or gives the one of the same weights that another call has kept
  // meanwhile.
  std::shared_ptr<const Layer> Keep(std::unique_ptr<const Entry> entry) {
    const std::lock_guard lock(keeping_);
    std::shared_ptr<const Layer> prepared = entry->prepared;
    const WeightTensors weights = {entry->data, entry->indices, entry->indptr};
    if (auto kept = Find(weights, prepared->out(), prepared->in())) return kept;
    taken_out_.emplace_back(slots_[next_].exchange(entry.release()));
    next_ = (next_ + 1) % kMaxKept;
    if (readers_.load() == 0) taken_out_.clear();
    return prepared;
  }

  const bool constant_;
  // Sequentially consistent all: that no reader is seen means that none can have an old entry.
  alignas(kAlignment) mutable std::atomic<int> readers_ = 0;
  alignas(kAlignment) std::array<std::atomic<const Entry*>, kMaxKept> slots_ = {};
  std::mutex keeping_;
  size_t next_ = 0;                                      // oldest slot; guarded by keeping_
  std::vector<std::unique_ptr<const Entry>> taken_out_;  // guarded by keeping_
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_TF_OPS_PREPARED_WEIGHTS_H_
