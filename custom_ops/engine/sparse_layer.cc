#include "custom_ops/engine/sparse_layer.h"

#include <type_traits>
#include <utility>

#include "custom_ops/engine/scheduler.h"
#include "custom_ops/format/amx_tiles.h"

namespace tfsparse {

namespace {

// What a tile costs on AMX beyond its groups, less the same on VNNI, for 16 rows and in the unit of
// AmxTileCycles. It was measured on Emerald Rapids with 64 inputs and 64 to 256 outputs.
constexpr int64_t kAmxTileOverhead = 200;

// Whether a kernel of VNNI is faster than AMX's, which multiplies 16 outputs by all the inputs
// that any of them stores. For lower blocks that is work for nothing, which pays or not by how
// full they are. A group of VNNI takes about 0.5 + 0.36 * NR in the unit of
// AmxTileCycles, and 0.75 more where it is gathered (measured for every NR). The fixed cost of a
// tile decides for layers of few inputs and outputs.
bool BeatsAmx(const Kernel<int8_t>& kernel, const BlockSparseMatrix<int8_t>& matrix,
              const PackedWeights<int8_t>& amx) {
  const int64_t groups = CountGroups(matrix, kernel.format);
  const int64_t cycles =
      (kernel.format.packing == WeightPacking::kGathered ? 125 : 50) + 36 * kernel.format.nr;
  return groups * cycles / 100 < AmxTileCycles(amx) + kAmxTileOverhead;
}

}  // namespace

template <typename T>
Status SparseLayer<T>::Create(const BlockSparseMatrix<T>& matrix, Isa isa,
                              std::unique_ptr<const SparseLayer>* matmul, const Threads& threads) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  const int64_t block_out = matrix.block_out, block_in = matrix.block_in;
  const Kernel<T>& kernel = SelectKernel<T>(isa, block_out, block_in);
  std::unique_ptr<SparseLayer> made;
  if (Status status = Pack(matrix, kernel, threads, &made); !status.ok()) return status;
  if constexpr (std::is_same_v<T, int8_t>) {
    const Kernel<T>& vnni = SelectKernel<T>(Isa::kAvx512Vnni, block_out, block_in);
    if (kernel.format.packing == WeightPacking::kAmxTiles &&
        BeatsAmx(vnni, matrix, made->prepared_.weights)) {
      if (Status status = Pack(matrix, vnni, threads, &made); !status.ok()) return status;
    }
  }
  const Kernel<T>& many = made->prepared_.kernel;
  made->PackGemv(matrix, SelectGemv(isa, block_out, block_in, many), threads);
  *matmul = std::move(made);
  return {};
}

template <typename T>
Status SparseLayer<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                              const GemvKernel<T>* gemv, std::unique_ptr<const SparseLayer>* matmul,
                              const Threads& threads) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  std::unique_ptr<SparseLayer> made;
  if (Status status = Pack(matrix, kernel, threads, &made); !status.ok()) return status;
  made->PackGemv(matrix, gemv, threads);
  *matmul = std::move(made);
  return {};
}

template <typename T>
Status SparseLayer<T>::Pack(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                            const Threads& threads, std::unique_ptr<SparseLayer>* matmul) {
  matmul->reset(new SparseLayer(kernel));
  return (*matmul)->prepared_.Prepare(matrix, threads);
}

template <typename T>
void SparseLayer<T>::PackGemv(const BlockSparseMatrix<T>& matrix, const GemvKernel<T>* kernel,
                              const Threads& threads) {
  if (kernel == nullptr) return;
  gemv_ = std::make_unique<Gemv<T>>(*kernel, matrix, prepared_, threads);
}

template <typename T>
Status SparseLayer<T>::Check(const LayerCall& call) const {
  if (Status status = CheckSizes(call, in(), out()); !status.ok()) return status;
  if constexpr (std::is_same_v<T, int8_t>) return CheckQuantization(call, out());
  return {};
}

template <typename T>
Status SparseLayer<T>::Run(const LayerCall& call, const Threads& threads) const {
  if (Status status = Check(call); !status.ok()) return status;
  RunChecked(call, threads);
  return {};
}

template <typename T>
void SparseLayer<T>::RunChecked(const LayerCall& call, const Threads& threads) const {
  if (call.rows == 0) return;
  if (call.x.source == nullptr && IsSmallM(call.rows)) {
    gemv_->Run(call, threads);
  } else {
    Scheduler<T>(prepared_, call).Run(threads);
  }
}

template class SparseLayer<float>;
template class SparseLayer<BFloat16>;
template class SparseLayer<int8_t>;

}  // namespace tfsparse
