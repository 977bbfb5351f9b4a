#include "custom_ops/conv/conv.h"

#include <type_traits>
#include <utility>

#include "custom_ops/base/aligned_buffer.h"
#include "custom_ops/conv/filter_group.h"
#include "custom_ops/conv/patch_source.h"
#include "custom_ops/matmul/tiles.h"

namespace tfsparse {
namespace {

// Inputs that packing puts into a lane of 32 bits, at the most.
template <typename T>
constexpr int kInLane = static_cast<int>(sizeof(float) / sizeof(T));

// Few patches, kept between calls so that a call allocates nothing.
AlignedBuffer<uint8_t>& PatchesOfThisThread() {
  thread_local AlignedBuffer<uint8_t> patches;
  return patches;
}

}  // namespace

template <typename T>
Status Conv<T>::Create(const BlockSparseMatrix<T>& matrix, Path path,
                       std::unique_ptr<const Conv>* conv, const Threads& threads, int64_t groups) {
  const auto create = [&](const BlockSparseMatrix<T>& part, auto* matmul) {
    return Matmul<T>::Create(part, path, matmul, threads);
  };
  return CreateGroups(matrix, groups, create, conv);
}

template <typename T>
Status Conv<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const FewRowsKernel<T>* few_rows, std::unique_ptr<const Conv>* conv,
                       const Threads& threads, int64_t groups) {
  const auto create = [&](const BlockSparseMatrix<T>& part, auto* matmul) {
    return Matmul<T>::Create(part, kernel, few_rows, matmul, threads);
  };
  return CreateGroups(matrix, groups, create, conv);
}

// create(matrix of a group, matmul) makes what multiplies by it.
template <typename T>
template <class Create>
Status Conv<T>::CreateGroups(const BlockSparseMatrix<T>& matrix, int64_t groups,
                             const Create& create, std::unique_ptr<const Conv>* conv) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  if (Status status = CheckGroups(matrix, groups); !status.ok()) return status;
  auto made = std::make_unique<Conv>();
  for (int64_t group = 0; group < groups; ++group) {
    std::vector<int32_t> indptr;
    const BlockSparseMatrix<T> part = FilterGroup(matrix, groups, group, &indptr);
    if (Status status = create(part, &made->matmuls_.emplace_back()); !status.ok()) return status;
  }
  *conv = std::move(made);
  return {};
}

template <typename T>
Status Conv<T>::Run(const ConvCall& call, const Threads& threads) const {
  if (Status status = Check(call); !status.ok()) return status;
  if (call.geometry.pixels() == 0) return {};
  // Many groups are shared out whole, so that a thread begins work as seldom as it can.
  if (groups() < kItemsPerThread * threads.count) {
    for (int64_t group = 0; group < groups(); ++group) RunGroup(call, group, threads);
    return {};
  }
  const int64_t cost =
      matmuls_[0]->prepared().instructions() * (call.geometry.pixels() / kLanes + 1) / 2;
  threads.Run(groups(), cost, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) RunGroup(call, group, Threads());
  });
  return {};
}

template <typename T>
Status Conv<T>::Check(const ConvCall& call) const {
  const ConvGeometry& geometry = call.geometry;
  if (Status status = Validate(geometry); !status.ok()) return status;
  if (geometry.inputs() != in() || geometry.filters != out() || geometry.groups != groups()) {
    return Status::Invalid("Weights should be those of ", geometry.filters, " filters of ",
                           geometry.inputs(), " inputs in ", geometry.groups,
                           " groups. Received: ", out(), ", ", in(), " and ", groups());
  }
  for (int64_t group = 0; group < groups(); ++group) {
    Status status = matmuls_[group]->Check(GroupCall(call, group));
    if (!status.ok()) return status;
  }
  return {};
}

// The product of a group, but for where its x is.
template <typename T>
MatmulCall Conv<T>::GroupCall(const ConvCall& call, int64_t group) const {
  const ConvGeometry& geometry = call.geometry;
  const int64_t output = group * geometry.group_filters();
  MatmulCall product = call.call;
  product.rows = geometry.pixels();
  product.y_stride = geometry.filters;
  if (product.rows > 0) {  // else y and the residual may be null
    product.y = product.y_at(output);
    product.residual = product.residual_at(output);
  }
  if (product.bias != nullptr) product.bias += output;
  if (product.w_scale != nullptr) product.w_scale += output;
  return product;
}

template <typename T>
void Conv<T>::RunGroup(const ConvCall& call, int64_t group, const Threads& threads) const {
  const ConvGeometry& geometry = call.geometry;
  const Matmul<T>& matmul = *matmuls_[group];
  MatmulCall product = GroupCall(call, group);
  if (geometry.height.is_same_places() && geometry.width.is_same_places()) {
    product.x = product.x_at(group * geometry.group_channels());
    product.x_stride = geometry.channels;
    return matmul.RunChecked(product, threads);
  }
  const uint8_t padding = product.x_is_u8 ? static_cast<uint8_t>(product.x_zero_point) : 0;
  const PatchSource source(geometry, group, product.x, product.x_bytes(), padding, kInLane<T>);
  if (matmul.IsFew(product.rows)) {
    AlignedBuffer<uint8_t>& patches = PatchesOfThisThread();
    patches.Reserve(product.rows * geometry.inputs() * product.x_bytes());
    source.Copy(0, product.rows, patches.data());
    product.x = patches.data();
  } else {
    product.source = &source;
  }
  matmul.RunChecked(product, threads);
}

template class Conv<float>;
template class Conv<BFloat16>;
template class Conv<int8_t>;

}  // namespace tfsparse
