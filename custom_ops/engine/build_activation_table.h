#ifndef TFSPARSE_CUSTOM_OPS_ENGINE_BUILD_ACTIVATION_TABLE_H_
#define TFSPARSE_CUSTOM_OPS_ENGINE_BUILD_ACTIVATION_TABLE_H_

// Tables of activations (kernels/activation_table.h) for a scale and a zero point of y.
//
// The table covers [low, high]: below low the activation is within 1/16 step of its limit, above
// high it is so too, or saturates y. Each of the 32 pieces is the quadratic through the activation
// at the three Chebyshev nodes. What is computed is rounded once per step and uses no library
// function, so that a table is the same on every machine.
//
// Error: y before it is rounded is within 1/4 step of the activation of w, so q is the nearest
// value or, where that is about a tie, the next one. Up to a scale of 0.1 (y of up to 25) it is
// within 0.065 step, and 1.25% of all w give the next one at the most.
// build_activation_table_test.cc tries every w.

#include <cstddef>
#include <cstdint>

#include "custom_ops/kernels/activation_table.h"
#include "custom_ops/kernels/kernel_args.h"

namespace tfsparse {

// False, and an undefined table, where no table is within 1/4 step: y_scale is so fine that
// quadratics overflow, or such that a piece would be too wide.
bool BuildActivationTable(Activation activation, float y_scale, int32_t y_zero_point,
                          ActivationTable* table);

// Tables that a thread keeps: more than a large model has layers. To build one takes some 20 us,
// which would be seen if layers took each other's place; so with one more than that, all go.
inline constexpr size_t kKeptTables = 512;

// The same table, which this thread keeps for the next call. Null for none. Valid until the
// thread's next call of this function. The zero point is in [0, 255].
const ActivationTable* FindActivationTable(Activation activation, float y_scale,
                                           int32_t y_zero_point);

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_ENGINE_BUILD_ACTIVATION_TABLE_H_
