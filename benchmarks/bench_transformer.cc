// Times attention and normalization beside oneDNN's, in the same run and in turns.
//
//   bench_transformer [FILTER [THREADS]]
//
// FILTER lets only lines through that have it, such as "BERT mini" or "norm". The instruction set
// is TFSPARSE_ISA's, or the best one. share is of what one core was measured to do on registers,
// times threads. oneDNN's attention is float32, and has no mask: a batch matmul, a softmax, a batch
// matmul.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "benchmarks/attention_case.h"
#include "benchmarks/peak.h"

namespace tfsparse {
namespace {

void Require(const std::string& name, const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "bench_transformer: %s: %s\n", name.c_str(), status.message().c_str());
  std::exit(1);
}

void TimeAttention(Isa isa, const std::string& filter, int threads) {
  const double peak_f32 = PeakF32(isa), peak_bf16 = PeakBf16(FastestForBf16(isa));
  std::printf("One core's peak on %s: %.0f GFLOP/s fp32, %.0f GFLOP/s bf16\n\n", IsaName(isa),
              peak_f32, peak_bf16);
  std::printf("%-14s %5s %5s %6s %4s %-9s %-8s %7s %9s %8s %6s %10s %9s\n", "attention", "batch",
              "heads", "length", "size", "compute", "", "threads", "ms", "GFLOP/s", "share",
              "oneDNN ms", "vs oneDNN");
  for (AttentionCase c : StandardAttentionCases()) {
    const bool bf16 = c.compute == AttentionCompute::kBFloat16;
    const char* kind = c.padding ? "padding" : c.pairs ? "mask" : c.y_is_u8 ? "uint8" : "";
    const std::string name = "attention " + c.name + (bf16 ? " bfloat16 " : " float32 ") + kind;
    if (name.find(filter) == std::string::npos) continue;
    c.isa = isa, c.threads = threads;
    AttentionResult r;
    Require(name, RunAttentionCase(c, &r));
    const double peak = (bf16 ? peak_bf16 : peak_f32) * threads;
    std::printf("%-14s %5d %5d %6d %4d %-9s %-8s %7d %9.4f %8.1f %5.0f%% %10.4f %8.2fx\n",
                c.name.c_str(), static_cast<int>(c.batch), static_cast<int>(c.heads),
                static_cast<int>(c.length), static_cast<int>(c.head_size),
                bf16 ? "bfloat16" : "float32", kind, threads, r.ms, r.gops,
                peak > 0 ? 100 * r.gops / peak : 0, r.onednn_ms, r.onednn_ms / r.ms);
    std::fflush(stdout);
  }
}

void TimeNormalization(Isa isa, const std::string& filter) {
  std::printf("\n%-9s %5s %5s %-8s %-5s %8s %10s %9s\n", "norm", "rows", "size", "", "y", "us",
              "oneDNN us", "vs oneDNN");
  for (NormalizationCase c : StandardNormalizationCases()) {
    const std::string name = "norm " + std::to_string(c.size);
    if (name.find(filter) == std::string::npos) continue;
    c.isa = isa;
    NormalizationResult r;
    Require(name, RunNormalizationCase(c, &r));
    std::printf("%-9s %5d %5d %-8s %-5s %8.2f %10.2f %8.2fx\n", "LayerNorm",
                static_cast<int>(c.rows), static_cast<int>(c.size), c.residual ? "residual" : "",
                c.y_is_u8 ? "uint8" : "float", r.us, r.onednn_us, r.onednn_us / r.us);
  }
}

}  // namespace
}  // namespace tfsparse

int main(int argc, char** argv) {
  tfsparse::Isa isa;
  tfsparse::Require("TFSPARSE_ISA", tfsparse::ChooseIsa(&isa));
  const std::string filter = argc > 1 ? argv[1] : "";
  tfsparse::TimeAttention(isa, filter, argc > 2 ? std::atoi(argv[2]) : 1);
  tfsparse::TimeNormalization(isa, filter);
  return 0;
}
