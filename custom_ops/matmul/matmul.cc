#include "custom_ops/matmul/matmul.h"

#include <type_traits>
#include <utility>

#include "custom_ops/format/merged_quads.h"
#include "custom_ops/matmul/execution.h"

namespace tfsparse {

namespace {

// Whether a kernel of VNNI is faster than AMX's, which multiplies 16 outputs by all the inputs
// that any of them stores. For lower blocks that is work for nothing, which pays or not by how
// full they are. A group of VNNI takes about 0.5 + 0.36 * height in the unit of
// MergedQuadsCycles, and 0.75 more where it is gathered (measured for every height).
bool BeatsAmx(const Kernel<int8_t>& kernel, const BlockSparseMatrix<int8_t>& matrix,
              const PackedWeights<int8_t>& amx) {
  const int64_t groups = CountGroups(matrix, kernel.layout, kernel.height);
  const int64_t cycles = (kernel.layout == Layout::kPlanes ? 125 : 50) + 36 * kernel.height;
  return groups * cycles / 100 < MergedQuadsCycles(amx);
}

}  // namespace

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, Path path,
                         std::unique_ptr<const Matmul>* matmul, const Threads& threads) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  const int64_t block_out = matrix.block_out, block_in = matrix.block_in;
  const Kernel<T>& kernel = SelectKernel<T>(path, block_out, block_in);
  std::unique_ptr<Matmul> made;
  if (Status status = Pack(matrix, kernel, threads, &made); !status.ok()) return status;
  if constexpr (std::is_same_v<T, int8_t>) {
    const Kernel<T>& vnni = SelectKernel<T>(Path::kAvx512Vnni, block_out, block_in);
    if (kernel.layout == Layout::kMergedQuads && block_out < kTileOutputs &&
        BeatsAmx(vnni, matrix, made->prepared_.weights)) {
      if (Status status = Pack(matrix, vnni, threads, &made); !status.ok()) return status;
    }
  }
  const Kernel<T>& many = made->prepared_.kernel;
  made->PackFewRows(matrix, SelectFewRows(path, block_out, block_in, many), threads);
  *matmul = std::move(made);
  return {};
}

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                         const FewRowsKernel<T>* few_rows, std::unique_ptr<const Matmul>* matmul,
                         const Threads& threads) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  std::unique_ptr<Matmul> made;
  if (Status status = Pack(matrix, kernel, threads, &made); !status.ok()) return status;
  made->PackFewRows(matrix, few_rows, threads);
  *matmul = std::move(made);
  return {};
}

template <typename T>
Status Matmul<T>::Pack(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const Threads& threads, std::unique_ptr<Matmul>* matmul) {
  matmul->reset(new Matmul(kernel));
  return (*matmul)->prepared_.Prepare(matrix, threads);
}

template <typename T>
void Matmul<T>::PackFewRows(const BlockSparseMatrix<T>& matrix, const FewRowsKernel<T>* kernel,
                            const Threads& threads) {
  if (kernel == nullptr) return;
  few_rows_ = std::make_unique<FewRowsMatmul<T>>(*kernel, matrix, prepared_, threads);
}

template <typename T>
Status Matmul<T>::Check(const MatmulCall& call) const {
  if (Status status = CheckSizes(call, in(), out()); !status.ok()) return status;
  if constexpr (std::is_same_v<T, int8_t>) return CheckQuantization(call, out());
  return {};
}

template <typename T>
Status Matmul<T>::Run(const MatmulCall& call, const Threads& threads) const {
  if (Status status = Check(call); !status.ok()) return status;
  RunChecked(call, threads);
  return {};
}

template <typename T>
void Matmul<T>::RunChecked(const MatmulCall& call, const Threads& threads) const {
  if (call.rows == 0) return;
  if (call.source == nullptr && IsFew(call.rows)) {
    few_rows_->Run(call, threads);
  } else {
    Execution<T>(prepared_, call).Run(threads);
  }
}

template class Matmul<float>;
template class Matmul<BFloat16>;
template class Matmul<int8_t>;

}  // namespace tfsparse
