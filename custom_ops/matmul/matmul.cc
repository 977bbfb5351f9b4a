#include "custom_ops/matmul/matmul.h"

#include <type_traits>
#include <utility>

#include "custom_ops/matmul/execution.h"

namespace tfsparse {

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, Path path,
                         std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  return Pack(matrix, SelectKernel<T>(path, matrix.block_out, matrix.block_in), matmul);
}

template <typename T>
Status Matmul<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                         std::unique_ptr<const Matmul>* matmul) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  return Pack(matrix, kernel, matmul);
}

template <typename T>
Status Matmul<T>::Pack(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       std::unique_ptr<const Matmul>* matmul) {
  std::unique_ptr<Matmul> made(new Matmul(kernel));
  if (Status status = made->prepared_.Prepare(matrix); !status.ok()) return status;
  *matmul = std::move(made);
  return {};
}

template <typename T>
Status Matmul<T>::Run(const MatmulCall& call, const Threads& threads) const {
  if (Status status = CheckSizes(call, in(), out()); !status.ok()) return status;
  if constexpr (std::is_same_v<T, int8_t>) {
    if (Status status = CheckQuantization(call, out()); !status.ok()) return status;
  }
  if (call.rows > 0) Execution<T>(prepared_, call).Run(threads);
  return {};
}

template class Matmul<float>;
template class Matmul<int8_t>;

}  // namespace tfsparse
