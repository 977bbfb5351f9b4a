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
  return Pack(matrix, kernel, SelectFewRows(path, matrix.block_out, matrix.block_in, kernel),
              matmul);
}

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                         const FewRowsKernel<T>* few_rows, std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  return Pack(matrix, kernel, few_rows, matmul);
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
Status Matmul<T>::Run(const MatmulCall& call, const Threads& threads) const {
  if (Status status = CheckSizes(call, in(), out()); !status.ok()) return status;
  if constexpr (std::is_same_v<T, int8_t>) {
    if (Status status = CheckQuantization(call, out()); !status.ok()) return status;
  }
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
