// Times the kernels beside oneDNN's dense matmul, and what belongs to them. `--help` says how.

#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/chain_case.h"
#include "benchmarks/conv_case.h"
#include "benchmarks/kernel_case.h"
#include "benchmarks/options.h"
#include "benchmarks/packing_case.h"
#include "benchmarks/peak.h"
#include "benchmarks/record.h"
#include "benchmarks/standard_cases.h"
#include "benchmarks/tables.h"
#include "custom_ops/base/cpu_features.h"
#include "custom_ops/engine/isa.h"

namespace tfsparse {
namespace {

#if defined(__clang__)
constexpr char kCompiler[] = __VERSION__;
#else
constexpr char kCompiler[] = "GCC " __VERSION__;
#endif

Isa ChosenIsa(const Options& options) {
  Isa isa;
  const Status status = options.isa.empty()
                            ? ChooseIsa(&isa)
                            : ChooseIsa(GetCpuFeatures(), options.isa.c_str(), &isa);
  if (!status.ok()) Fail(status.message());
  return isa;
}

class Bench {
 public:
  // `program` is this one's file.
  Bench(const Options& options, const std::string& program)
      : options_(options), program_(program), isa_(ChosenIsa(options)) {}

  void Run() {
    FindPeaks();
    if (options_.one) {
      Products({*options_.one});
    } else {
      Products(StandardCases());
      CompareThreads();
      CompareBf16();
      CompareActivations();
      Packing();
      Chains();
      Convolutions();
      Serving();
    }
    if (records_.empty()) Fail("no case has \"" + options_.filter + "\" in its name");
    if (!options_.json.empty() && !WriteJson(options_.json, records_)) {
      Fail("`--json` should be a file that can be written. Received: " + options_.json);
    }
  }

 private:
  void FindPeaks() {
    peak_f32_ = PeakF32(isa_), peak_bf16_ = PeakBf16(Bf16Isa()), peak_u8s8_ = PeakU8S8(isa_);
    std::printf(
        "One core's peak on this ISA: %.0f GFLOP/s fp32, %.0f GFLOP/s bf16, %.0f GOP/s int8%s\n",
        peak_f32_, peak_bf16_, peak_u8s8_, isa_ == Isa::kPortable ? " (0: not measured)" : "");
    if (isa_ == Isa::kAmx) {
      peak_amx_ = PeakAmx();
      std::printf("  with AMX's tiles, for kernels that use them: %.0f GOP/s\n", peak_amx_);
    }
    std::printf("Compiled by %s; ISA: %s\n\n", kCompiler, IsaName(isa_));
  }

  // The cases of a table that the filter lets through, which name begins with `table`, with this
  // run's ISA; prints the header before the first.
  template <typename Case, typename Header>
  std::vector<Case> Chosen(const std::vector<Case>& all, const char* table, Header header) const {
    std::vector<Case> chosen;
    for (const Case& c : all) {
      if ((table + Name(c)).find(options_.filter) == std::string::npos) continue;
      chosen.push_back(c);
      chosen.back().isa = c.precision == "bf16" ? Bf16Isa() : isa_;
    }
    if (!chosen.empty()) header();
    return chosen;
  }

  static void Require(const std::string& name, const Status& status) {
    if (!status.ok()) Fail(name + ": " + status.message());
  }

  // The ISA for bfloat16 is the one that the ops choose, unless another was asked for.
  Isa Bf16Isa() const { return options_.isa.empty() ? FastestForBf16(isa_) : isa_; }

  double Peak(const std::string& precision) const {
    return precision == "fp32" ? peak_f32_ : precision == "bf16" ? peak_bf16_ : peak_u8s8_;
  }

  void Products(const std::vector<KernelCase>& cases) {
    for (KernelCase c : Chosen(cases, "", PrintKernelHeader)) {
      c.threads = options_.threads;
      KernelResult result;
      Require(Name(c), RunKernelCase(c, Peak(c.precision), &result));
      if (result.kernel.find("_amx_") != std::string::npos) {
        result.peak_gops = peak_amx_ * c.threads;
      }
      records_.push_back(Print(result));
    }
  }

  void CompareThreads() {
    for (const KernelCase& one : Chosen(StandardThreadCases(), "threads ", PrintThreadsHeader)) {
      KernelCase two = one;
      two.threads = 2;
      ComparisonResult result;
      Require(Name(two), RunComparison(two, one, &result));
      records_.push_back(PrintThreads(result, kTargetTwoThreads));
    }
  }

  void CompareBf16() {
    for (KernelCase c : Chosen(StandardBf16Cases(), "beside ", PrintBf16Header)) {
      c.threads = options_.threads;
      ComparisonResult result;
      Require(Name(c), RunBf16Comparison(c, &result));
      records_.push_back(PrintBf16(result, kTargetBf16));
    }
  }

  void CompareActivations() {
    for (const KernelCase& c :
         Chosen(StandardActivationCases(), "activation ", PrintActivationHeader)) {
      KernelCase relu = c;
      relu.activation = Activation::kRelu;
      ComparisonResult result;
      Require(Name(c), RunComparison(c, relu, &result));
      records_.push_back(PrintActivation(result));
    }
  }

  void Packing() {
    for (const PackingCase& c : Chosen(StandardPackingCases(), "", PrintPackingHeader)) {
      std::vector<PackingResult> results;
      Require(Name(c), RunPackingCase(c, &results));
      for (const PackingResult& result : results) records_.push_back(Print(c, result));
    }
  }

  void Chains() {
    for (const ChainCase& c : Chosen(StandardChainCases(), "", PrintChainHeader)) {
      ChainResult result;
      Require(Name(c), RunChainCase(c, &result));
      const double peak = c.precision == "fp32" ? peak_f32_
                          : peak_amx_ > 0       ? peak_amx_
                                                : peak_u8s8_;
      records_.push_back(Print(c, result, peak * c.threads));
    }
  }

  void Convolutions() {
    for (ConvCase c : Chosen(StandardConvCases(), "", PrintConvHeader)) {
      c.threads = options_.threads;
      ConvResult result;
      Require(Name(c), RunConvCase(c, &result));
      const bool uses_amx = result.kernel.find("_amx_") != std::string::npos;
      records_.push_back(Print(c, result, (uses_amx ? peak_amx_ : Peak(c.precision)) * c.threads));
    }
  }

  // The program beside this one prints its own table, and records between the lines.
  void Serving() {
    if (options_.models.empty() || kServing.find(options_.filter) == std::string::npos) return;
    const size_t slash = program_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : program_.substr(0, slash);
    const std::string command =
        Quoted(folder + "/bench_serving") + " " + Quoted(options_.models) + " --records";
    std::FILE* const output = popen(command.c_str(), "r");
    if (output == nullptr) Fail("could not run " + command);
    char line[1024];
    while (std::fgets(line, sizeof(line), output) != nullptr) {
      const std::string text = line;
      if (text.front() == '{') {
        records_.push_back(Record::Read(text.substr(1, text.rfind('}') - 1)));
      } else {
        std::fputs(line, stdout);
        std::fflush(stdout);
      }
    }
    if (pclose(output) != 0) Fail("bench_serving failed");
  }

  // For the shell.
  static std::string Quoted(const std::string& text) {
    std::string quoted = "'";
    for (char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
  }

  // What --filter looks at.
  static inline const std::string kServing = "serving";

  const Options options_;
  const std::string program_;
  const Isa isa_;
  double peak_f32_ = 0, peak_bf16_ = 0, peak_u8s8_ = 0, peak_amx_ = 0;
  std::vector<Record> records_;
};

}  // namespace
}  // namespace tfsparse

int main(int argc, char** argv) {
  tfsparse::Bench(tfsparse::ParseOptions(argc, argv), argv[0]).Run();
  return 0;
}
