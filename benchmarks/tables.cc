#include "benchmarks/tables.h"

#include <algorithm>
#include <cstdio>

#include "benchmarks/options.h"

namespace tfsparse {
namespace {

std::string Shape(const KernelCase& c) {
  return std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n);
}

std::string Kind(const std::string& precision, const std::string& pattern, double sparsity) {
  char text[16];
  std::snprintf(text, sizeof(text), "%.2f", sparsity);
  return precision + " " + pattern + " " + text + " ";
}

std::string Shape(const ConvGeometry& g) {
  return std::to_string(g.height.size) + "x" + std::to_string(g.width.size) + "x" +
         std::to_string(g.channels) + " " + std::to_string(g.height.kernel) + "x" +
         std::to_string(g.width.kernel) + "/" + std::to_string(g.height.stride) + " " +
         std::to_string(g.filters);
}

// What all records have, so that a program that reads one table reads all.
Record Common(const char* measured, const std::string& kernel, const std::string& precision,
              const std::string& pattern, double sparsity, int threads, double ms) {
  Record record;
  record.Add("measured", measured).Add("kernel", kernel).Add("precision", precision);
  record.Add("pattern", pattern).Add("sparsity", sparsity).Add("threads", threads).Add("ms", ms);
  return record;
}

Record Common(const char* measured, const ComparisonResult& r) {
  const KernelCase& c = r.problem;
  Record record = Common(measured, r.kernel, c.precision, c.pattern(), r.sparsity, c.threads, r.ms);
  record.Add("m", c.m).Add("k", c.k).Add("n", c.n).Add("activation", ActivationName(c.activation));
  return record;
}

// In the unit of the column that it is for.
std::string Target(const KernelCase& c) {
  char text[16] = "";
  if (c.target_share > 0) std::snprintf(text, sizeof(text), "%.0f%%", 100 * c.target_share);
  if (c.target_vs_dense > 0) std::snprintf(text, sizeof(text), "%.2fx", c.target_vs_dense);
  return text;
}

// The JSON key that the target is for.
const char* TargetOf(const KernelCase& c) {
  return c.target_share > 0 ? "peak_share" : c.target_vs_dense > 0 ? "vs_onednn_dense" : "";
}

}  // namespace

std::string Name(const KernelCase& c) {
  return Kind(c.precision, c.pattern(), c.sparsity) + Shape(c);
}

std::string Name(const PackingCase& c) {
  return "packing " + Kind(c.precision, c.pattern(), c.sparsity) + std::to_string(c.k) + "x" +
         std::to_string(c.n);
}

std::string Name(const ChainCase& c) {
  return "chain " + Kind(c.precision, c.pattern(), c.sparsity) + std::to_string(c.m) + " " +
         c.network;
}

std::string Name(const ConvCase& c) {
  return "conv " + Kind(c.precision, c.pattern(), c.sparsity) + Shape(c.geometry);
}

void PrintKernelHeader() {
  std::printf("%-4s %-5s %8s %-14s %7s %9s %9s %9s %6s %10s %8s %7s  %s\n", "prec", "block",
              "sparsity", "MxKxN", "threads", "ms", "eff GOP/s", "real GOP/s", "share", "oneDNN ms",
              "vs dense", "target", "kernel");
}

Record Print(const KernelResult& r) {
  const KernelCase& c = r.problem;
  std::printf("%-4s %-5s %8.3f %-14s %7d %9.4f %9.0f %10.1f %5.0f%% %10.4f %7.2fx %7s  %s\n",
              c.precision.c_str(), c.pattern().c_str(), r.sparsity, Shape(c).c_str(), c.threads,
              r.ms, r.effective_gops, r.real_gops, 100 * r.peak_share(), r.onednn_dense_ms,
              r.vs_onednn_dense(), Target(c).c_str(), r.kernel.c_str());
  std::fflush(stdout);
  Record record =
      Common("product", r.kernel, c.precision, c.pattern(), r.sparsity, c.threads, r.ms);
  record.Add("m", c.m).Add("k", c.k).Add("n", c.n).Add("activation", ActivationName(c.activation));
  record.Add("effective_gops", r.effective_gops).Add("real_gops", r.real_gops);
  record.Add("peak_gops", r.peak_gops).Add("peak_share", r.peak_share());
  record.Add("onednn_dense_ms", r.onednn_dense_ms).Add("vs_onednn_dense", r.vs_onednn_dense());
  record.Add("target", std::max(c.target_share, c.target_vs_dense));
  return record.Add("target_of", TargetOf(c));
}

void PrintThreadsHeader() {
  std::printf("\nTwo threads beside one. \"uneven\": half of the outputs at 50%%, half at 99%%.\n");
  std::printf("%-4s %-5s %8s %-14s %7s %9s %12s %8s %7s  %s\n", "prec", "block", "sparsity",
              "MxKxN", "threads", "ms", "1 thread ms", "speedup", "target", "kernel");
}

Record PrintThreads(const ComparisonResult& r, double target) {
  const KernelCase& c = r.problem;
  const double speedup = r.beside_ms / r.ms;
  std::printf("%-4s %-5s %8.3f %-14s %7d %9.4f %12.4f %7.2fx %6.2fx  %s%s\n", c.precision.c_str(),
              c.pattern().c_str(), r.sparsity, Shape(c).c_str(), c.threads, r.ms, r.beside_ms,
              speedup, target, r.kernel.c_str(), c.uneven ? ", uneven" : "");
  std::fflush(stdout);
  Record record = Common(c.uneven ? "threads uneven" : "threads", r);
  record.Add("one_thread_ms", r.beside_ms).Add("speedup", speedup);
  return record.Add("target", target).Add("target_of", "speedup");
}

void PrintBf16Header() {
  std::printf("\nbfloat16 beside fp32, both ours.\n");
  std::printf("%-4s %-5s %8s %-14s %7s %9s %9s %8s %7s  %s\n", "prec", "block", "sparsity", "MxKxN",
              "threads", "ms", "fp32 ms", "vs fp32", "target", "kernel");
}

Record PrintBf16(const ComparisonResult& r, double target) {
  const KernelCase& c = r.problem;
  const double speedup = r.beside_ms / r.ms;
  std::printf("%-4s %-5s %8.3f %-14s %7d %9.4f %9.4f %7.2fx %6.2fx  %s\n", c.precision.c_str(),
              c.pattern().c_str(), r.sparsity, Shape(c).c_str(), c.threads, r.ms, r.beside_ms,
              speedup, target, r.kernel.c_str());
  std::fflush(stdout);
  Record record = Common("bf16", r);
  record.Add("fp32_ms", r.beside_ms).Add("vs_fp32", speedup);
  return record.Add("target", target).Add("target_of", "vs_fp32");
}

void PrintActivationHeader() {
  std::printf("\nAn activation beside ReLU, both ours.\n");
  std::printf("%-4s %-5s %8s %-14s %-10s %9s %9s %6s  %s\n", "prec", "block", "sparsity", "MxKxN",
              "activation", "ms", "relu ms", "cost", "kernel");
}

Record PrintActivation(const ComparisonResult& r) {
  const KernelCase& c = r.problem;
  std::printf("%-4s %-5s %8.3f %-14s %-10s %9.4f %9.4f %5.2fx  %s\n", c.precision.c_str(),
              c.pattern().c_str(), r.sparsity, Shape(c).c_str(), ActivationName(c.activation), r.ms,
              r.beside_ms, r.ms / r.beside_ms, r.kernel.c_str());
  std::fflush(stdout);
  return Common("activation", r).Add("relu_ms", r.beside_ms).Add("cost", r.ms / r.beside_ms);
}

void PrintPackingHeader() {
  std::printf("\nPacking weights when a model is loaded.\n");
  std::printf("%-4s %-5s %8s %-14s %7s %7s %9s %7s %14s %8s %13s  %s\n", "prec", "block",
              "sparsity", "KxN", "threads", "MB", "ms", "MB/s", "ms per 100 MB", "target",
              "packed/stored", "kernel");
}

Record Print(const PackingCase& c, const PackingResult& r) {
  const std::string shape = std::to_string(c.k) + "x" + std::to_string(c.n);
  std::printf("%-4s %-5s %8.3f %-14s %7d %7.1f %9.2f %7.0f %14.0f %8.0f %13.2f  %s\n",
              c.precision.c_str(), c.pattern().c_str(), c.sparsity, shape.c_str(), r.threads,
              r.megabytes, r.ms, 1000 * r.megabytes / r.ms, r.ms_per_100_mb(), kTargetMsPer100Mb,
              r.packed_over_stored, r.kernel.c_str());
  std::fflush(stdout);
  Record record =
      Common("packing", r.kernel, c.precision, c.pattern(), c.sparsity, r.threads, r.ms);
  record.Add("k", c.k).Add("n", c.n).Add("megabytes", r.megabytes);
  record.Add("packed_over_stored", r.packed_over_stored).Add("ms_per_100_mb", r.ms_per_100_mb());
  return record.Add("target", kTargetMsPer100Mb).Add("target_of", "ms_per_100_mb");
}

void PrintChainHeader() {
  std::printf("\nWhole networks, float in and out, as one chain.\n");
  std::printf("%-4s %-5s %8s %5s %-4s %9s %12s %10s %8s %9s %10s  %-19s %s\n", "prec", "block",
              "sparsity", "rows", "act", "ms", "layers' ms", "oneDNN ms", "vs dense", "over limit",
              "over fewer", "target", "network");
}

Record Print(const ChainCase& c, const ChainResult& r, double peak_gops) {
  const double over_limit = peak_gops > 0 ? peak_gops / r.real_gops : 0;
  const double vs_dense = r.onednn_dense_ms / r.ms;
  const double over_fewer = r.fewer_rows_ms > 0 ? r.ms / c.m / (r.fewer_rows_ms / c.fewer_rows) : 0;
  char fewer[16] = "", target[32] = "";
  if (over_fewer > 0) std::snprintf(fewer, sizeof(fewer), "%.2f", over_fewer);
  const std::string of = c.target.of;
  const char* format = of == "ms"                ? "<= %.3f ms"
                       : of == "over_limit"      ? "<= %.2f over limit"
                       : of == "over_fewer_rows" ? "<= %.2f over fewer"
                                                 : ">= %.2fx";
  if (!of.empty()) std::snprintf(target, sizeof(target), format, c.target.value);
  std::printf("%-4s %-5s %8.3f %5lld %-4s %9.4f %12.4f %10.4f %7.2fx %10.2f %10s  %-19s %s\n",
              c.precision.c_str(), c.pattern().c_str(), r.sparsity, static_cast<long long>(c.m),
              ActivationName(c.activation), r.ms, r.one_by_one_ms, r.onednn_dense_ms, vs_dense,
              over_limit, fewer, target, c.network);
  std::fflush(stdout);
  Record record = Common("chain", "", c.precision, c.pattern(), r.sparsity, c.threads, r.ms);
  record.Add("network", c.network).Add("m", c.m).Add("activation", ActivationName(c.activation));
  record.Add("one_by_one_ms", r.one_by_one_ms).Add("onednn_dense_ms", r.onednn_dense_ms);
  record.Add("vs_onednn_dense", vs_dense).Add("real_gops", r.real_gops);
  record.Add("peak_gops", peak_gops).Add("over_limit", over_limit);
  record.Add("over_fewer_rows", over_fewer).Add("target", c.target.value);
  return record.Add("target_of", of);
}

void PrintConvHeader() {
  std::printf("\nConvolutions of ResNet-50: HxWxC kernel/stride filters.\n");
  std::printf("%-4s %-5s %8s %-23s %6s %7s %9s %10s %6s %10s %8s %7s  %s\n", "prec", "block",
              "sparsity", "layer", "layers", "threads", "ms", "real GOP/s", "share", "oneDNN ms",
              "vs dense", "target", "kernel");
}

Record Print(const ConvCase& c, const ConvResult& r, double peak_gops) {
  const double share = peak_gops > 0 ? r.real_gops / peak_gops : 0;
  const double vs_dense = r.onednn_dense_ms / r.ms;
  char target[16] = "";
  if (c.target_vs_dense > 0) std::snprintf(target, sizeof(target), "%.2fx", c.target_vs_dense);
  std::printf("%-4s %-5s %8.3f %-23s %6d %7d %9.4f %10.1f %5.0f%% %10.4f %7.2fx %7s  %s\n",
              c.precision.c_str(), c.pattern().c_str(), r.sparsity, Shape(c.geometry).c_str(),
              c.count, c.threads, r.ms, r.real_gops, 100 * share, r.onednn_dense_ms, vs_dense,
              target, r.kernel.c_str());
  std::fflush(stdout);
  Record record =
      Common("convolution", r.kernel, c.precision, c.pattern(), r.sparsity, c.threads, r.ms);
  record.Add("layer", Shape(c.geometry)).Add("layers", c.count);
  record.Add("real_gops", r.real_gops).Add("peak_gops", peak_gops).Add("peak_share", share);
  record.Add("onednn_dense_ms", r.onednn_dense_ms).Add("vs_onednn_dense", vs_dense);
  record.Add("target", c.target_vs_dense);
  return record.Add("target_of", c.target_vs_dense > 0 ? "vs_onednn_dense" : "");
}

}  // namespace tfsparse
