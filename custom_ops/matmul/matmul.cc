#include "custom_ops/matmul/matmul.h"

#include <type_traits>
#include <utility>

#include "custom_ops/matmul/execution.h"

namespace tfsparse {

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, Path path,
                         std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  const Kernel<T>& kernel = SelectKernel<T>(path, matrix.block_out, matrix.block_in);
  if (Status status = PackFor(matrix, path, kernel, matmul); !status.ok()) return status;
  // AMX multiplies 16 outputs by all the inputs that any of them stores. For lower blocks
  // that is work for nothing, which pays or not by how full they are.
  if (kernel.layout != Layout::kMergedQuads || matrix.block_out >= kTileOutputs) return {};
  std::unique_ptr<const Matmul> other;
  const Kernel<T>& vnni = SelectKernel<T>(Path::kAvx512Vnni, matrix.block_out, matrix.block_in);
  if (Status status = PackFor(matrix, path, vnni, &other); !status.ok()) return status;
  if (other->prepared_.cycles() < (*matmul)->prepared_.cycles()) *matmul = std::move(other);
  return {};
}

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                         const FewRowsKernel<T>* few_rows, std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  return Pack(matrix, kernel, few_rows, matmul);
}

template <typename T>
Status Matmul<T>::PackFor(const BlockSparseMatrix<T>& matrix, Path path, const Kernel<T>& kernel,
                          std::unique_ptr<const Matmul>* matmul) {
  const int64_t block_out = matrix.block_out, block_in = matrix.block_in;
  return Pack(matrix, kernel, SelectFewRows(path, block_out, block_in, kernel), matmul);
}

template <typename T>
Status Matmul<T>::Pack(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const FewRowsKernel<T>* few_rows, std::unique_ptr<const Matmul>* matmul) {
  std::unique_ptr<Matmul> made(new Matmul(kernel));
  if (Status status = made->prepared_.Prepare(matrix); !status.ok()) return status;
  if (few_rows != nullptr) {
    made->few_rows_ = std::make_unique<FewRowsMatmul<T>>(*few_rows, matrix, made->prepared_);
  }
  *matmul = std::move(made);
  return {};
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
  if (call.rows == 0) return {};
  if (IsFew(call.rows)) {
    few_rows_->Run(call, threads);
  } else {
    Execution<T>(prepared_, call).Run(threads);
  }
  return {};
}

template class Matmul<float>;
template class Matmul<int8_t>;

}  // namespace tfsparse
