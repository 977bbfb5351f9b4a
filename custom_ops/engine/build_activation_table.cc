#include "custom_ops/engine/build_activation_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "custom_ops/kernels/activation_functions.h"
#include "custom_ops/kernels/lanes_scalar.h"

namespace tfsparse {
namespace {

constexpr double kInputs = 65536;
constexpr double kPieceInputs = kInputs / kTablePieces;
constexpr double kStep = 1 << kTableFraction;
constexpr double kTail = 1.0 / 16;  // steps that the ends may be off
constexpr double kMaxError = 0.25;  // steps that a quadratic may be, before its rounding

// Where the activation is nothing but a tail: it falls to `limit` monotonically below `low`, and
// rises to `top` above 0.
struct Shape {
  double low, limit, top;
};

Shape ShapeOf(Activation activation) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (activation) {
    case Activation::kSigmoid:
      return {0, 0, 1};
    case Activation::kTanh:
      return {0, -1, 1};
    case Activation::kSilu:
      return {-1.2785, 0, kInfinity};
    default:
      return {-0.7525, 0, kInfinity};
  }
}

double Value(Activation activation, double x) {
  double y = 0;
  WithActivation(activation, [&](auto a) {
    y = static_cast<double>(Activate<LanesScalar, a.value>(static_cast<float>(x)));
  });
  return y;
}

// The end of [a, b] where `is_beyond`, which is false at a, becomes true; b if it never does.
template <class Condition>
double Bisect(double a, double b, const Condition& is_beyond) {
  for (int i = 0; i < 40; ++i) {
    const double middle = (a + b) / 2;
    (is_beyond(middle) ? b : a) = middle;
  }
  return b;
}

struct Interval {
  double low, high;
};

Interval IntervalOf(Activation activation, double scale, int32_t zero_point) {
  const Shape shape = ShapeOf(activation);
  const double low = Bisect(-100, shape.low, [&](double x) {
    return std::abs(Value(activation, x) - shape.limit) > kTail * scale;
  });
  const double top = std::min((255.5 - zero_point) * scale, shape.top - kTail * scale);
  const double end = std::isinf(shape.top) ? top + 1 : 20;
  return {low, Bisect(0, end, [&](double x) { return Value(activation, x) >= top; })};
}

// Where pieces lie, one of them ending at 0: activations bend there, and a piece that is much wider
// than the bend should not have it inside.
struct Pieces {
  double low, width;
};

Pieces PiecesOf(const Interval& interval) {
  const double share = -interval.low / (interval.high - interval.low);
  const double below = std::clamp(std::ceil(share * kTablePieces), 1.0, kTablePieces - 1.0);
  const double width = std::max(-interval.low / below, interval.high / (kTablePieces - below));
  return {-below * width, width};
}

bool RoundCoefficient(double value, double max, int16_t* to) {
  if (!(std::abs(value) <= max)) return false;
  *to = static_cast<int16_t>(std::nearbyint(value));
  return true;
}

}  // namespace

bool BuildActivationTable(Activation activation, float y_scale, int32_t y_zero_point,
                          ActivationTable* table) {
  const double scale = static_cast<double>(y_scale);
  const Pieces pieces = PiecesOf(IntervalOf(activation, scale, y_zero_point));
  const double unit = kPieceInputs / pieces.width, half = pieces.width / 2;
  if (!(unit < 1e30) || !(unit > 1e-30)) return false;
  table->unit = static_cast<float>(unit);
  table->offset = static_cast<float>(-kInputs / 2 - pieces.low * unit);

  for (int piece = 0; piece < kTablePieces; ++piece) {
    const double middle = pieces.low + (piece + 0.5) * pieces.width;
    const auto steps = [&](double f) { return Value(activation, middle + f * half) / scale; };
    constexpr double kNode = 0.86602540378443865;  // sqrt(3) / 2, of the third Chebyshev polynomial
    const double below = steps(-kNode), at = steps(0), above = steps(kNode);
    const double slope = (above - below) / (2 * kNode);
    const double bend = ((above + below) / 2 - at) / (kNode * kNode);
    // Near where the error of an interpolation is largest: at the ends and half-way to them.
    for (double f : {-1.0, -0.7, -0.4, 0.4, 0.7, 1.0}) {
      if (!(std::abs(at + f * (slope + f * bend) - steps(f)) <= kMaxError)) return false;
    }
    const int i = piece ^ (kTablePieces / 2);  // w is signed
    // Half a step is added, because y is cut where it should be rounded.
    if (!RoundCoefficient((at + y_zero_point + 0.5) * kStep, 32766, &table->c[0][i]) ||
        !RoundCoefficient(slope * kStep, 32766 - std::abs(bend) * kStep, &table->c[1][i]) ||
        !RoundCoefficient(bend * kStep, 32766, &table->c[2][i])) {
      return false;
    }
    for (int n = 0; n < 3; ++n) {
      const uint16_t bits = static_cast<uint16_t>(table->c[n][i]);
      table->bytes[n][0][i] = static_cast<uint8_t>(bits & 0xff);
      table->bytes[n][1][i] = static_cast<uint8_t>(bits >> 8);
    }
  }
  return true;
}

const ActivationTable* FindActivationTable(Activation activation, float y_scale,
                                           int32_t y_zero_point) {
  struct Found {
    bool is_table = false;
    ActivationTable table;
  };
  thread_local std::unordered_map<uint64_t, Found> kept;
  uint32_t scale_bits;
  std::memcpy(&scale_bits, &y_scale, sizeof(scale_bits));
  const uint64_t key = uint64_t{scale_bits} << 32 | static_cast<uint64_t>(activation) << 8 |
                       static_cast<uint64_t>(y_zero_point);
  if (const auto found = kept.find(key); found != kept.end()) {
    return found->second.is_table ? &found->second.table : nullptr;
  }
  if (kept.size() == kKeptTables) kept.clear();
  Found& found = kept[key];
  found.is_table = BuildActivationTable(activation, y_scale, y_zero_point, &found.table);
  return found.is_table ? &found.table : nullptr;
}

}  // namespace tfsparse
