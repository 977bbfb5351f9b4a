#ifndef TFSPARSE_BENCHMARKS_TABLES_H_
#define TFSPARSE_BENCHMARKS_TABLES_H_

// The tables that bench_kernels prints, a line as soon as it is measured, each with the record
// that JSON gets.

#include <string>

#include "benchmarks/chain_case.h"
#include "benchmarks/conv_case.h"
#include "benchmarks/kernel_case.h"
#include "benchmarks/packing_case.h"
#include "benchmarks/record.h"

namespace tfsparse {

// "int8 16x4 0.85 2048x1024x1024" and the like: what --filter looks at.
std::string Name(const KernelCase& c);
std::string Name(const PackingCase& c);
std::string Name(const ChainCase& c);
std::string Name(const ConvCase& c);

void PrintKernelHeader();
Record Print(const KernelResult& result);

// Two threads beside one or bf16 beside fp32, which `target` is for, or an activation beside ReLU.
void PrintThreadsHeader();
Record PrintThreads(const ComparisonResult& result, double target);
void PrintBf16Header();
Record PrintBf16(const ComparisonResult& result, double target);
void PrintActivationHeader();
Record PrintActivation(const ComparisonResult& result);

void PrintPackingHeader();
Record Print(const PackingCase& problem, const PackingResult& result);

// `peak_gops` is that of the case's threads and precision; 0 for portable code.
void PrintChainHeader();
Record Print(const ChainCase& problem, const ChainResult& result, double peak_gops);

// Likewise.
void PrintConvHeader();
Record Print(const ConvCase& problem, const ConvResult& result, double peak_gops);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_TABLES_H_
