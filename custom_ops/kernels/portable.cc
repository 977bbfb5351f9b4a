#include "custom_ops/kernels/isa/portable.h"

#include <cmath>
#include <cstring>

#include "custom_ops/base/bfloat16.h"
#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"
#include "custom_ops/kernels/look_up.h"
#include "custom_ops/kernels/quantize.h"

namespace tfsparse {
namespace {

template <typename T>
T Element(const PackArgs& args, int64_t row, int64_t input) {
  if (args.rows_at != nullptr) return static_cast<const T*>(args.rows_at[row])[input];
  return static_cast<const T*>(args.x)[row * args.stride + input];
}

struct FromU8 {
  static uint8_t Load(const PackArgs& args, int64_t row, int64_t input) {
    return Element<uint8_t>(args, row, input);
  }
};

struct FromF32 {
  static uint8_t Load(const PackArgs& args, int64_t row, int64_t input) {
    return QuantizeU8(Element<float>(args, row, input), args.inv_scale, args.zero_point);
  }
};

template <class Source>
bool PackQuads(const PackArgs& args) {
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  const int64_t rows = args.vectors * kLanes;
  for (int64_t input = 0; input < (args.inputs + 3) / 4 * 4; ++input) {
    for (int64_t row = 0; row < rows; ++row) {
      const bool inside = row < args.rows && input < args.inputs;
      tile[((input / 4) * rows + row) * 4 + input % 4] =
          inside ? Source::Load(args, row, input) : 0;
    }
  }
  return false;
}

// Planes here keep their rows in order: nothing is interleaved.
template <class Source>
bool PackPlanes(const PackArgs& args) {
  uint8_t* tile = static_cast<uint8_t*>(args.tile);
  const int64_t rows = args.vectors * kLanes;
  for (int64_t input = 0; input < args.inputs; ++input) {
    for (int64_t row = 0; row < rows; ++row) {
      tile[input * rows + row] = row < args.rows ? Source::Load(args, row, input) : 0;
    }
  }
  return false;
}

// Planes of float, of x or of what `Round` makes of it.
template <class Round>
bool PackFloats(const PackArgs& args, Round round) {
  float* tile = static_cast<float*>(args.tile);
  const int64_t rows = args.vectors * kLanes;
  bool finite = true;
  for (int64_t input = 0; input < args.inputs; ++input) {
    for (int64_t row = 0; row < rows; ++row) {
      const float x = row < args.rows ? round(Element<float>(args, row, input)) : 0.0f;
      finite = finite && std::isfinite(x);
      tile[input * rows + row] = x;
    }
  }
  return !finite;
}

// One product of a group: float planes.
template <int V>
struct F32 {
  using Value = float;
  using Sum = float;
  static constexpr int kColumns = 1, kValues = 1;
  static void Add(const float* tile, const int32_t* column, const float* w, Sum* acc) {
    const float* x = tile + static_cast<int64_t>(column[0]) * (V * kLanes);
    for (int m = 0; m < V * kLanes; ++m) acc[m] += x[m] * w[0];
  }
};

// The same with a weight in the bytes of two bfloat16.
template <int V>
struct F32FromBf16 {
  using Value = uint16_t;
  using Sum = float;
  static constexpr int kColumns = 1, kValues = 2;
  static void Add(const float* tile, const int32_t* column, const uint16_t* w, Sum* acc) {
    float weight;
    std::memcpy(&weight, w, sizeof(weight));
    F32<V>::Add(tile, column, &weight, acc);
  }
};

template <int V>
struct Quads {
  using Value = int8_t;
  using Sum = int32_t;
  static constexpr int kColumns = 1, kValues = 4;
  static void Add(const uint8_t* tile, const int32_t* column, const int8_t* w, Sum* acc) {
    const uint8_t* x = tile + static_cast<int64_t>(column[0]) * (V * kLanes * 4);
    for (int m = 0; m < V * kLanes; ++m) {
      int32_t sum = 0;
      for (int i = 0; i < 4; ++i) sum += x[4 * m + i] * w[i];
      acc[m] += sum;
    }
  }
};

template <int V>
struct Gathered {
  using Value = int8_t;
  using Sum = int32_t;
  static constexpr int kColumns = 4, kValues = 4;
  static void Add(const uint8_t* tile, const int32_t* column, const int8_t* w, Sum* acc) {
    for (int i = 0; i < 4; ++i) {
      const uint8_t* x = tile + static_cast<int64_t>(column[i]) * (V * kLanes);
      for (int m = 0; m < V * kLanes; ++m) acc[m] += x[m] * w[i];
    }
  }
};

template <class Product, typename X, int H, int V>
void Multiply(const MultiplyArgs& args) {
  using Sum = typename Product::Sum;
  constexpr int kRows = V * kLanes;
  const X* tile = static_cast<const X*>(args.tile);
  for (int64_t s = 0; s < args.num_panels; ++s) {
    const Panel& panel = args.panels[s];
    const int32_t* column = args.columns + panel.column;
    const auto* w = static_cast<const typename Product::Value*>(args.values) + panel.value;
    const int64_t first = panel.out - args.first_out;
    const Sum* acc_init = static_cast<const Sum*>(args.acc_init) + first;
    Sum* acc = static_cast<Sum*>(args.acc) + first * kRows;
    for (int i = 0; i < H * kRows; ++i) acc[i] = acc_init[i / kRows];
    for (int64_t g = 0; g < panel.groups; ++g, column += Product::kColumns) {
      for (int h = 0; h < H; ++h, w += Product::kValues) {
        Product::Add(tile, column, w, acc + h * kRows);
      }
    }
  }
}

template <template <int> class Product, typename X, int H, int V>
MultiplyFunction Pick(int vectors) {
  if constexpr (V == 0) {
    return nullptr;
  } else {
    return vectors == V ? Multiply<Product<V>, X, H, V> : Pick<Product, X, H, V - 1>(vectors);
  }
}

template <template <int> class Product, typename X>
MultiplyFunction PickNr(int nr, int vectors) {
  return nr == 4   ? Pick<Product, X, 4, 4>(vectors)
         : nr == 1 ? Pick<Product, X, 1, 4>(vectors)
                   : nullptr;
}

template <typename Sum>
Sum SumOf(const EpilogueArgs& args, int64_t row, int64_t output) {
  return static_cast<const Sum*>(args.acc)[output * args.vectors * kLanes + row];
}

// fma, as the vector kernels have it: multiplying and adding apart rounds twice.
float Dequantize(const EpilogueArgs& args, int64_t row, int64_t output) {
  const float sum = static_cast<float>(SumOf<int32_t>(args, row, output));
  return std::fma(sum, args.scale[output], args.bias[output]);
}

float AddResidual(const EpilogueArgs& args, int64_t row, int64_t output, float value) {
  if (args.residual == nullptr) return value;
  const int64_t place = row * args.residual_stride + output;
  if (!args.residual_is_u8) return value + static_cast<const float*>(args.residual)[place];
  const int32_t q = static_cast<const uint8_t*>(args.residual)[place];
  return std::fma(static_cast<float>(q - args.residual_zero_point), args.residual_scale, value);
}

// y = store(act(value + residual)) of every element.
template <typename Y, class Value, class Store>
void Output(const EpilogueArgs& args, Activation kind, Value value, Store store) {
  WithActivation(kind, [&](auto activation) {
    for (int64_t row = 0; row < args.rows; ++row) {
      Y* y = static_cast<Y*>(args.y) + row * args.y_stride;
      for (int64_t output = 0; output < args.outputs; ++output) {
        const float sum = AddResidual(args, row, output, value(row, output));
        y[output] = store(Activate<LanesScalar, activation.value>(sum));
      }
    }
  });
}

}  // namespace

bool PackF32Portable(const PackArgs& args) {
  return PackFloats(args, [](float x) { return x; });
}

bool RoundInterleave1Portable(const PackArgs& args) {
  return PackFloats(args, [](float x) { return RoundToBFloat16(x).ToFloat(); });
}

bool PackU8Interleave4Portable(const PackArgs& args) { return PackQuads<FromU8>(args); }
bool QuantizeInterleave4Portable(const PackArgs& args) { return PackQuads<FromF32>(args); }
bool PackU8Interleave1Portable(const PackArgs& args) { return PackPlanes<FromU8>(args); }
bool QuantizeInterleave1Portable(const PackArgs& args) { return PackPlanes<FromF32>(args); }

bool QuantizeRowsPortable(const PackArgs& args) {
  const int64_t stride = (args.inputs + 63) / 64 * 64 + kGemvPadding;
  for (int64_t row = 0; row < args.rows; ++row) {
    const float* x = static_cast<const float*>(args.x) + row * args.stride;
    uint8_t* tile = static_cast<uint8_t*>(args.tile) + row * stride;
    for (int64_t k = 0; k < args.inputs; ++k) {
      tile[k] = QuantizeU8(x[k], args.inv_scale, args.zero_point);
    }
  }
  return false;
}

MultiplyFunction MultiplyF32Portable(int nr, int vectors) {
  return PickNr<F32, float>(nr, vectors);
}

MultiplyFunction MultiplyBf16Interleave1Portable(int nr, int vectors) {
  return PickNr<F32FromBf16, float>(nr, vectors);
}

MultiplyFunction MultiplyInterleave4Portable(int nr, int vectors) {
  return PickNr<Quads, uint8_t>(nr, vectors);
}

MultiplyFunction MultiplyGatheredPortable(int nr, int vectors) {
  return PickNr<Gathered, uint8_t>(nr, vectors);
}

void EpilogueF32Portable(const EpilogueArgs& args) {
  Output<float>(
      args, args.activation,
      [&](int64_t row, int64_t output) { return SumOf<float>(args, row, output); },
      [](float y) { return y; });
}

void EpilogueS32ToF32Portable(const EpilogueArgs& args) {
  Output<float>(
      args, args.activation,
      [&](int64_t row, int64_t output) { return Dequantize(args, row, output); },
      [](float y) { return y; });
}

void EpilogueS32ToU8Portable(const EpilogueArgs& args) {
  const auto value = [&](int64_t row, int64_t output) { return Dequantize(args, row, output); };
  if (args.table != nullptr) {
    return Output<uint8_t>(args, Activation::kLinear, value,
                           [&](float w) { return LookUpU8(*args.table, w); });
  }
  Output<uint8_t>(args, args.activation, value,
                  [&](float y) { return QuantizeU8(y, args.inv_y_scale, args.y_zero_point); });
}

}  // namespace tfsparse
