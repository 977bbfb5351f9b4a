#include "benchmarks/standard_cases.h"

namespace tfsparse {
namespace {

// All with 1024 inputs and outputs. A share of 0 or no "vs dense": no target.
struct Row {
  const char* precision;
  int64_t block_out, block_in;
  double sparsity;
  double target_share;
};

// For many rows: 2048 are more than the caches hold, 64 are one tile.
constexpr Row kRows[] = {
    {"int8", 16, 4, 0.85, 0.85}, {"int8", 16, 4, 0.90, 0.80}, {"int8", 32, 4, 0.85, 0.85},
    {"int8", 4, 4, 0.85, 0.85},  {"int8", 4, 16, 0.85, 0.85}, {"int8", 8, 1, 0.80, 0.60},
    {"int8", 8, 1, 0.90, 0.50},  {"int8", 4, 1, 0.80, 0.60},  {"int8", 4, 1, 0.90, 0.50},
    {"int8", 2, 1, 0.75, 0.42},  {"int8", 1, 1, 0.90, 0.00},  {"fp32", 16, 4, 0.80, 0.85},
    {"fp32", 16, 4, 0.90, 0.75}, {"fp32", 4, 1, 0.80, 0.85},  {"fp32", 4, 1, 0.90, 0.75},
    {"fp32", 2, 1, 0.75, 0.00},  {"fp32", 1, 1, 0.90, 0.00},  {"bf16", 16, 4, 0.85, 0.00},
    {"bf16", 4, 1, 0.90, 0.00},
};

// Dense weights should be nearly as fast as in oneDNN, so that a network of which a part is
// pruned need not leave our op.
constexpr double kTargetDense = 0.95;

// Beside our own product, by one thread or with ReLU.
constexpr Row kComparedRows[] = {{"int8", 16, 4, 0.85, 0}, {"fp32", 4, 1, 0.90, 0}};

// Small M, beside twice the speed of the dense product.
constexpr Row kSmallM[] = {
    {"int8", 16, 4, 0.85, 0}, {"int8", 4, 1, 0.85, 0}, {"int8", 4, 1, 0.90, 0},
    {"fp32", 16, 4, 0.85, 0}, {"fp32", 4, 1, 0.90, 0}, {"bf16", 16, 4, 0.85, 0},
    {"bf16", 4, 1, 0.90, 0},
};
constexpr double kTargetGemv = 2.0;

// Blocks of an even width, which VDPBF16PS wants, and of an odd one.
constexpr Row kBf16Rows[] = {
    {"bf16", 16, 4, 0.85, 0}, {"bf16", 16, 2, 0.85, 0}, {"bf16", 32, 4, 0.90, 0},
    {"bf16", 8, 1, 0.90, 0},  {"bf16", 4, 1, 0.80, 0},  {"bf16", 4, 1, 0.90, 0},
};

KernelCase Case(const Row& row, int64_t m) {
  KernelCase c;
  c.precision = row.precision;
  c.m = m;
  c.block_out = row.block_out, c.block_in = row.block_in;
  c.sparsity = row.sparsity;
  c.target_share = row.target_share;
  return c;
}

}  // namespace

std::vector<KernelCase> StandardCases() {
  std::vector<KernelCase> cases;
  for (int64_t m : {2048, 64}) {
    for (const Row& row : kRows) cases.push_back(Case(row, m));
    for (const char* precision : {"int8", "fp32", "bf16"}) {
      cases.push_back(Case({precision, 16, 4, 0.0, 0}, m));
      cases.back().target_vs_dense = kTargetDense;
    }
  }
  for (int64_t m : {1, 4, 8, 16}) {
    for (const Row& row : kSmallM) {
      cases.push_back(Case(row, m));
      cases.back().target_vs_dense = kTargetGemv;
    }
  }
  return cases;
}

std::vector<KernelCase> StandardThreadCases() {
  std::vector<KernelCase> cases;
  for (const Row& row : kComparedRows) {
    for (bool uneven : {false, true}) {
      for (int64_t m : {256, 2048}) {
        cases.push_back(Case(row, m));
        cases.back().uneven = uneven;
      }
    }
  }
  return cases;
}

std::vector<KernelCase> StandardBf16Cases() {
  std::vector<KernelCase> cases;
  for (int64_t m : {2048, 64}) {
    for (const Row& row : kBf16Rows) cases.push_back(Case(row, m));
    for (int64_t size : {256, 4096}) {
      for (const Row& row : {kBf16Rows[0], kBf16Rows[5]}) {
        cases.push_back(Case(row, m));
        cases.back().k = cases.back().n = size;
      }
    }
  }
  return cases;
}

std::vector<KernelCase> StandardActivationCases() {
  std::vector<KernelCase> cases;
  for (const Row& row : kComparedRows) {
    for (Activation activation :
         {Activation::kGelu, Activation::kGeluTanh, Activation::kSilu, Activation::kSigmoid}) {
      cases.push_back(Case(row, 256));
      cases.back().activation = activation;
    }
  }
  return cases;
}

}  // namespace tfsparse
