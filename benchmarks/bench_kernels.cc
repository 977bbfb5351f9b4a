// Times the kernels beside oneDNN's dense matmul. `--help` says how.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/kernel_case.h"
#include "benchmarks/peak.h"
#include "benchmarks/standard_cases.h"
#include "custom_ops/base/cpu_features.h"
#include "custom_ops/matmul/path.h"

namespace tfsparse {
namespace {

constexpr char kHelp[] =
    R"(Times block-sparse matmuls beside oneDNN's dense one, in the same run and in turns.
Every result is checked before it is timed.

  --shape MxKxN      rows, inputs, outputs            (default: the standard cases)
  --pattern AxB      block: outputs by inputs         (default 16x4)
  --precision P      int8 (uint8 x int8) or fp32      (default int8)
  --sparsity S       share of zeros, in [0, 1)        (default 0.85)
  --threads T        threads of both sides            (default 1)
  --filter TEXT      only cases whose name has TEXT, as in "int8 16x4" or "2048x1024"
  --path P           portable, avx2, avx2vnni, avx512, avx512vnni, avx512vbmi
                     or amx
                     (default: TFSPARSE_PATH, else the best one)
  --json FILE        writes the results there as well
  --help             this text

Without --shape, --pattern, --precision or --sparsity the standard cases run; any of
them asks for one case. oneDNN is not bound to the path; ONEDNN_MAX_CPU_ISA does that.

Columns: eff GOP/s counts the operations of the dense product, real GOP/s those on
stored weights; peak is what one core was measured to do on registers with the path's instructions,
times threads;
share is real / peak; vs dense is oneDNN's time over ours; target is what one of the two
should be.
)";

#if defined(__clang__)
constexpr char kCompiler[] = __VERSION__;
#else
constexpr char kCompiler[] = "GCC " __VERSION__;
#endif

struct Options {
  std::optional<KernelCase> one;
  int threads = 1;
  std::string filter, json, path;
};

[[noreturn]] void Fail(const std::string& message) {
  std::fprintf(stderr, "bench_kernels: %s\n", message.c_str());
  std::exit(2);
}

// Reads "2048x1024x1024" into its numbers.
std::vector<int64_t> ParseSizes(const char* option, const std::string& text, size_t count) {
  std::vector<int64_t> sizes;
  const char* position = text.c_str();
  char* end = nullptr;
  while (sizes.size() < count) {
    const int64_t size = std::strtoll(position, &end, 10);
    const bool last = sizes.size() + 1 == count;
    if (end == position || size < 1 || size > (int64_t{1} << 24) || *end != (last ? '\0' : 'x')) {
      Fail(std::string("`") + option + "` should be " + std::to_string(count) +
           " positive numbers with an x between them. Received: " + text);
    }
    sizes.push_back(size);
    position = end + 1;
  }
  return sizes;
}

void Set(Options& options, const std::string& option, const std::string& value) {
  if (option == "--filter" || option == "--json" || option == "--path") {
    (option == "--json"   ? options.json
     : option == "--path" ? options.path
                          : options.filter) = value;
    return;
  }
  if (option == "--threads") {
    options.threads = static_cast<int>(ParseSizes("--threads", value, 1)[0]);
    return;
  }
  if (!options.one) options.one = KernelCase();
  KernelCase& one = *options.one;
  if (option == "--shape") {
    const std::vector<int64_t> sizes = ParseSizes("--shape", value, 3);
    one.m = sizes[0], one.k = sizes[1], one.n = sizes[2];
  } else if (option == "--pattern") {
    const std::vector<int64_t> sizes = ParseSizes("--pattern", value, 2);
    one.block_out = sizes[0], one.block_in = sizes[1];
  } else if (option == "--precision") {
    if (value != "int8" && value != "fp32") {
      Fail("`--precision` should be int8 or fp32. Received: " + value);
    }
    one.precision = value;
  } else if (option == "--sparsity") {
    char* end = nullptr;
    one.sparsity = std::strtod(value.c_str(), &end);
    if (*end != '\0' || value.empty() || !(one.sparsity >= 0 && one.sparsity < 1)) {
      Fail("`--sparsity` should be in [0, 1). Received: " + value);
    }
  } else {
    Fail("there is no option " + option + "; --help lists them");
  }
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string option = argv[i];
    if (option == "--help") {
      std::fputs(kHelp, stdout);
      std::exit(0);
    }
    const size_t equals = option.find('=');
    if (equals != std::string::npos) {
      Set(options, option.substr(0, equals), option.substr(equals + 1));
    } else if (i + 1 < argc) {
      Set(options, option, argv[++i]);
    } else {
      Fail("there is no value after " + option + "; --help explains");
    }
  }
  return options;
}

std::string Shape(const KernelCase& c) {
  return std::to_string(c.m) + "x" + std::to_string(c.k) + "x" + std::to_string(c.n);
}

std::string CaseName(const KernelCase& c) {
  char sparsity[16];
  std::snprintf(sparsity, sizeof(sparsity), "%.2f", c.sparsity);
  return c.precision + " " + c.pattern() + " " + sparsity + " " + Shape(c);
}

void PrintHeader() {
  std::printf("%-4s %-5s %8s %-14s %7s %9s %9s %9s %6s %10s %8s %7s  %s\n", "prec", "block",
              "sparsity", "MxKxN", "threads", "ms", "eff GOP/s", "real GOP/s", "share", "oneDNN ms",
              "vs dense", "target", "kernel");
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

void Print(const KernelResult& r) {
  const KernelCase& c = r.problem;
  std::printf("%-4s %-5s %8.3f %-14s %7d %9.4f %9.0f %10.1f %5.0f%% %10.4f %7.2fx %7s  %s\n",
              c.precision.c_str(), c.pattern().c_str(), r.sparsity, Shape(c).c_str(), c.threads,
              r.ms, r.effective_gops, r.real_gops, 100 * r.peak_share(), r.onednn_dense_ms,
              r.vs_onednn_dense(), Target(c).c_str(), r.kernel.c_str());
  std::fflush(stdout);
}

// Written beside its final name first, so that a reader never sees half a file.
void WriteJson(const std::string& path, const std::vector<KernelResult>& results) {
  const std::string unfinished = path + ".tmp";
  std::FILE* file = std::fopen(unfinished.c_str(), "w");
  if (file == nullptr) Fail("`--json` should be a file that can be written. Received: " + path);
  std::fputs("[", file);
  for (size_t i = 0; i < results.size(); ++i) {
    const KernelResult& r = results[i];
    const KernelCase& c = r.problem;
    std::fprintf(file,
                 "%s\n  {\"kernel\": \"%s\", \"precision\": \"%s\", \"pattern\": \"%s\", "
                 "\"m\": %lld, \"k\": %lld, \"n\": %lld, \"sparsity\": %.6g, \"threads\": %d, "
                 "\"ms\": %.6g, \"effective_gops\": %.6g, \"real_gops\": %.6g, "
                 "\"peak_gops\": %.6g, \"peak_share\": %.6g, \"onednn_dense_ms\": %.6g, "
                 "\"vs_onednn_dense\": %.6g, \"target\": %.6g, \"target_of\": \"%s\"}",
                 i ? "," : "", r.kernel.c_str(), c.precision.c_str(), c.pattern().c_str(),
                 static_cast<long long>(c.m), static_cast<long long>(c.k),
                 static_cast<long long>(c.n), r.sparsity, c.threads, r.ms, r.effective_gops,
                 r.real_gops, r.peak_gops, r.peak_share(), r.onednn_dense_ms, r.vs_onednn_dense(),
                 std::max(c.target_share, c.target_vs_dense), TargetOf(c));
  }
  std::fputs("\n]\n", file);
  const bool written = std::fclose(file) == 0;
  if (!written || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    Fail("could not write " + path);
  }
}

Path ChosenPath(const Options& options) {
  Path path;
  const Status status = options.path.empty()
                            ? ChoosePath(&path)
                            : ChoosePath(GetCpuFeatures(), options.path.c_str(), &path);
  if (!status.ok()) Fail(status.message());
  return path;
}

int Main(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  const Path path = ChosenPath(options);
  const double peak_f32 = PeakF32(path), peak_u8s8 = PeakU8S8(path);
  const double peak_amx = path == Path::kAmx ? PeakAmx() : 0;
  std::printf("One core's peak on this path: %.0f GFLOP/s fp32, %.0f GOP/s int8%s\n", peak_f32,
              peak_u8s8, path == Path::kPortable ? " (0: not measured)" : "");
  if (peak_amx > 0)
    std::printf("  with AMX's tiles, for kernels that use them: %.0f GOP/s\n", peak_amx);
  std::printf("Compiled by %s; path: %s\n\n", kCompiler, PathName(path));
  PrintHeader();
  std::vector<KernelResult> results;
  for (KernelCase c : options.one ? std::vector<KernelCase>{*options.one} : StandardCases()) {
    if (CaseName(c).find(options.filter) == std::string::npos) continue;
    c.threads = options.threads;
    c.path = path;
    KernelResult result;
    const double peak = c.precision == "fp32" ? peak_f32 : peak_u8s8;
    if (Status status = RunKernelCase(c, peak, &result); !status.ok()) {
      Fail(CaseName(c) + ": " + status.message());
    }
    if (result.kernel.find("_amx_") != std::string::npos) {
      result.peak_gops = peak_amx * c.threads;
    }
    Print(result);
    results.push_back(result);
  }
  if (results.empty()) Fail("no case has \"" + options.filter + "\" in its name");
  if (!options.json.empty()) WriteJson(options.json, results);
  return 0;
}

}  // namespace
}  // namespace tfsparse

int main(int argc, char** argv) { return tfsparse::Main(argc, argv); }
