#include "custom_ops/conv/conv.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "custom_ops/conv/patch_source.h"
#include "custom_ops/conv/quantize_images.h"
#include "custom_ops/engine/tiles.h"
#include "custom_ops/engine/workspace.h"

namespace tfsparse {
namespace {

// Inputs that packing puts into a lane of 32 bits, at the most.
template <typename T>
constexpr int kInLane = static_cast<int>(sizeof(float) / sizeof(T));

// Channels that groups are joined to: as many bytes as a register has.
constexpr int64_t kJoinedChannels = 64;

}  // namespace

template <typename T>
Status Conv<T>::Create(const BlockSparseMatrix<T>& matrix, Isa isa,
                       std::unique_ptr<const Conv>* conv, const Threads& threads,
                       const FilterGroups& groups) {
  const auto make = [&](const BlockSparseMatrix<T>& part, auto* matmul) {
    return SparseLayer<T>::Create(part, isa, matmul, threads);
  };
  return CreateProducts(matrix, groups, make, conv);
}

template <typename T>
Status Conv<T>::Create(const BlockSparseMatrix<T>& matrix, const Kernel<T>& kernel,
                       const GemvKernel<T>* gemv, std::unique_ptr<const Conv>* conv,
                       const Threads& threads, const FilterGroups& groups) {
  const auto make = [&](const BlockSparseMatrix<T>& part, auto* matmul) {
    return SparseLayer<T>::Create(part, kernel, gemv, matmul, threads);
  };
  return CreateProducts(matrix, groups, make, conv);
}

// make(matrix of some groups, matmul) makes what multiplies by it.
template <typename T>
template <class Make>
Status Conv<T>::CreateProducts(const BlockSparseMatrix<T>& matrix, const FilterGroups& groups,
                               const Make& make, std::unique_ptr<const Conv>* conv) {
  if (Status status = Validate(matrix); !status.ok()) return status;
  if (Status status = CheckGroups(matrix, groups); !status.ok()) return status;
  auto made = std::make_unique<Conv>();
  made->out_ = matrix.out, made->in_ = matrix.in, made->groups_ = groups.count;
  const int64_t count =
      std::is_same_v<T, int8_t> ? GroupsToJoin(matrix, groups, kJoinedChannels) : 1;
  for (int64_t group = 0; group < groups.count; group += count) {
    const JoinedGroups<T> part(matrix, groups, group, count);
    Status status = make(part.view(), &made->matmuls_.emplace_back());
    if (!status.ok()) return status;
  }
  *conv = std::move(made);
  return {};
}

template <typename T>
Status Conv<T>::Run(const ConvCall& call, const Threads& threads) const {
  if (Status status = Check(call); !status.ok()) return status;
  if (call.geometry.pixels() == 0) return {};
  if (PacksPixelsOften(call)) {
    RunChecked(Quantized(call, threads), threads);
  } else {
    RunChecked(call, threads);
  }
  return {};
}

// Whether pixels of a float image would be packed, and so quantized, more than once: where taps
// overlap.
template <typename T>
bool Conv<T>::PacksPixelsOften(const ConvCall& call) const {
  const ConvAxis &height = call.geometry.height, &width = call.geometry.width;
  return std::is_same_v<T, int8_t> && !call.call.x.is_u8 &&
         height.kernel * width.kernel > height.stride * width.stride;
}

// The same call with x quantized, in the workspace of this thread.
template <typename T>
ConvCall Conv<T>::Quantized(const ConvCall& call, const Threads& threads) const {
  const ConvGeometry& g = call.geometry;
  const int64_t size = g.batch * (g.height.size * g.width.size) * g.channels;
  const PackFunction quantize_rows = matmuls_[0]->prepared().functions.quantize_rows;
  ConvCall quantized = call;
  quantized.call = QuantizeImages(call.call, size, quantize_rows, threads);
  return quantized;
}

template <typename T>
void Conv<T>::RunChecked(const ConvCall& call, const Threads& threads) const {
  // Many products are shared out whole, so that a thread begins work as seldom as it can.
  if (products() < kItemsPerThread * threads.count) {
    for (int64_t number = 0; number < products(); ++number) RunProduct(call, number, threads);
    return;
  }
  const int64_t cost =
      matmuls_[0]->prepared().instructions() * (call.geometry.pixels() / kLanes + 1) / 2;
  threads.Run(products(), cost, [&](int64_t begin, int64_t end) {
    for (int64_t number = begin; number < end; ++number) RunProduct(call, number, Threads());
  });
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
  const ConvGeometry joined = Joined(geometry);
  for (int64_t number = 0; number < products(); ++number) {
    Status status = matmuls_[number]->Check(ProductCall(call, joined, number));
    if (!status.ok()) return status;
  }
  return {};
}

// With joined groups as one.
template <typename T>
ConvGeometry Conv<T>::Joined(const ConvGeometry& geometry) const {
  ConvGeometry joined = geometry;
  joined.groups = products();
  return joined;
}

// But for where its x is.
template <typename T>
LayerCall Conv<T>::ProductCall(const ConvCall& call, const ConvGeometry& joined,
                               int64_t number) const {
  const int64_t output = number * joined.group_filters();
  LayerCall product = call.call;
  product.rows = joined.pixels();
  product.y.leading_dimension = joined.filters;
  if (product.rows > 0) {  // else y and the residual may be null
    product.y.data = product.y.at(output);
    product.epilogue.residual.data = product.epilogue.residual.at(output);
  }
  if (product.epilogue.bias != nullptr) product.epilogue.bias += output;
  if (product.quantization.w_scale != nullptr) product.quantization.w_scale += output;
  return product;
}

template <typename T>
void Conv<T>::RunProduct(const ConvCall& call, int64_t number, const Threads& threads) const {
  const ConvGeometry joined = Joined(call.geometry);
  const SparseLayer<T>& matmul = *matmuls_[number];
  LayerCall product = ProductCall(call, joined, number);
  if (joined.height.is_same_places() && joined.width.is_same_places()) {
    product.x.data = product.x.at(number * joined.group_channels());
    product.x.leading_dimension = joined.channels;
    return matmul.RunChecked(product, threads);
  }
  const uint8_t padding =
      product.x.is_u8 ? static_cast<uint8_t>(product.quantization.x_zero_point) : 0;
  const PatchSource source(joined, number, product.x.data, product.x.element_bytes(), padding,
                           kInLane<T>);
  if (matmul.IsSmallM(product.rows)) {
    AlignedBuffer<uint8_t>& patches = Workspace::OfThisThread().patches;
    patches.Reserve(product.rows * joined.inputs() * product.x.element_bytes());
    source.Copy(0, product.rows, patches.data());
    product.x.data = patches.data();
  } else {
    product.x.source = &source;
  }
  matmul.RunChecked(product, threads);
}

template class Conv<float>;
template class Conv<BFloat16>;
template class Conv<int8_t>;

}  // namespace tfsparse
