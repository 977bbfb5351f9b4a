#include "custom_ops/conv/pooling.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "custom_ops/base/aligned_buffer.h"

namespace tfsparse {
namespace {

// Taps times the largest uint8 fit in int32.
constexpr int64_t kMaxTaps = (int64_t{1} << 31) / 256;

Status CheckPadding(const char* name, const ConvAxis& axis) {
  if (axis.before < axis.kernel && axis.after < axis.kernel && (axis.size > 0 || axis.out() == 0)) {
    return {};
  }
  return Status::Invalid("The padding along the ", name, " should be smaller than the window, and ",
                         "be none of an empty image. Received: ", axis.before, " and ", axis.after,
                         " beside ", axis.size, ", a window of ", axis.kernel);
}

// Of a window, at the most.
int64_t Taps(const ConvAxis& height, const ConvAxis& width) {
  return std::min(height.kernel, height.size) * std::min(width.kernel, width.size);
}

// Places [begin, end) of x that a window covers.
struct Covered {
  int64_t begin, end;
};

Covered CoveredBy(const ConvAxis& axis, int64_t place) {
  const int64_t first = place * axis.stride - axis.before;
  return {std::max<int64_t>(0, first), std::min(axis.size, first + axis.kernel)};
}

// Calls add(x's channels) for the places that a window covers.
template <class Add>
void ForPlaces(const PoolCall& call, int64_t image, const Covered& rows, const Covered& columns,
               const Add& add) {
  for (int64_t row = rows.begin; row < rows.end; ++row) {
    const int64_t first = (image * call.height.size + row) * call.width.size;
    for (int64_t column = columns.begin; column < columns.end; ++column) {
      add(call.x + (first + column) * call.channels);
    }
  }
}

void MaxOf(const PoolCall& call, int64_t image, const Covered& rows, const Covered& columns,
           uint8_t* __restrict y) {
  const int64_t channels = call.channels;
  std::memset(y, 0, static_cast<size_t>(channels));
  ForPlaces(call, image, rows, columns, [&](const uint8_t* __restrict x) {
    for (int64_t c = 0; c < channels; ++c) y[c] = std::max(y[c], x[c]);
  });
}

void AverageOf(const PoolCall& call, int64_t image, const Covered& rows, const Covered& columns,
               uint8_t* y) {
  thread_local AlignedBuffer<int32_t> sums_of_thread;
  sums_of_thread.Reserve(call.channels);
  int32_t* const __restrict acc = sums_of_thread.data();
  const int64_t channels = call.channels;
  std::fill_n(acc, channels, 0);
  ForPlaces(call, image, rows, columns, [&](const uint8_t* __restrict x) {
    for (int64_t c = 0; c < channels; ++c) acc[c] += x[c];
  });
  // A quotient of doubles is rounded to a half only where it is one.
  const double count = static_cast<double>((rows.end - rows.begin) * (columns.end - columns.begin));
  for (int64_t c = 0; c < channels; ++c) {
    y[c] = static_cast<uint8_t>(std::nearbyint(acc[c] / count));
  }
}

}  // namespace

Status ValidatePooling(const ConvAxis& height, const ConvAxis& width) {
  for (const Status& status : {ValidateAxis(height, "height"), ValidateAxis(width, "width"),
                               CheckPadding("height", height), CheckPadding("width", width)}) {
    if (!status.ok()) return status;
  }
  const int64_t taps = Taps(height, width);
  if (taps < kMaxTaps) return {};
  return Status::Invalid("A window should cover less than ", kMaxTaps, " places. Received: ", taps);
}

void Pool(const PoolCall& call, const Threads& threads) {
  const int64_t rows = call.height.out(), columns = call.width.out();
  // Beside a size of 0 others may be so large that they cannot be multiplied.
  if (call.batch == 0 || rows == 0 || columns == 0 || call.channels == 0) return;
  const int64_t cost = columns * call.channels * Taps(call.height, call.width) / 16 + 1;
  threads.Run(call.batch * rows, cost, [&](int64_t begin, int64_t end) {
    for (int64_t item = begin; item < end; ++item) {
      const Covered covered_rows = CoveredBy(call.height, item % rows);
      for (int64_t column = 0; column < columns; ++column) {
        const Covered covered = CoveredBy(call.width, column);
        uint8_t* y = call.y + (item * columns + column) * call.channels;
        (call.pooling == Pooling::kMax ? MaxOf : AverageOf)(call, item / rows, covered_rows,
                                                            covered, y);
      }
    }
  });
}

}  // namespace tfsparse
