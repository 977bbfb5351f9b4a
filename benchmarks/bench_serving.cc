// Times exported models at small batches through TensorFlow's C API, and what an op costs beside
// its work.
//
//   bench_serving MODELS [--records]
//
// MODELS is a folder that benchmarks/serving_models.py has written. With --records there is a line
// of JSON for each line of a table, for bench_kernels, which runs this program: oneDNN and
// TensorFlow, which has one of its own, do not share a process.

#include <cstdio>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchmarks/record.h"
#include "benchmarks/tf_session.h"
#include "benchmarks/timing.h"

namespace tfsparse {
namespace {

constexpr int64_t kInputs = 480;
constexpr double kTargetMsAtBatch1 = 0.020;
constexpr double kTargetOverheadUs = 5;
constexpr double kMilliseconds = 300;  // for each case

// A line of MODELS/models.txt.
struct Model {
  std::string folder, pattern;
  double sparsity = 0;
  std::string input, output;
};

void PrintRecord(const Record& record) {
  std::printf("{%s}\n", record.json().c_str());
  std::fflush(stdout);
}

// In bazel-bin, as this program is.
std::string Library(const std::string& program) {
  const size_t slash = program.rfind('/');
  return (slash == std::string::npos ? "." : program.substr(0, slash)) +
         "/../custom_ops/tf_ops/libtfsparse_ops.so";
}

std::vector<double> Times(TfSession& session, double milliseconds) {
  for (int i = 0; i < 20; ++i) session.Run();
  std::vector<double> times;
  for (double total = 0; total < milliseconds; total += times.back()) {
    times.push_back(Milliseconds([&] { session.Run(); }));
  }
  return times;
}

void TimeModels(const std::string& folder, bool records) {
  std::printf(
      "\nDLRM's top perceptron, 480-1024-1024-512-256-1, exported in INT8, through the C API,"
      " one thread.\n");
  std::printf("%-4s %-5s %8s %5s %9s %7s\n", "prec", "block", "sparsity", "batch", "ms", "target");
  std::ifstream models(folder + "/models.txt");
  if (!models) throw std::runtime_error("there is no " + folder + "/models.txt");
  for (Model m; models >> m.folder >> m.pattern >> m.sparsity >> m.input >> m.output;) {
    const auto session = TfSession::Load(folder + "/" + m.folder, m.input, m.output);
    for (int64_t batch : {1, 4, 8, 64}) {
      session->Feed(batch, kInputs);
      const double ms = Median(Times(*session, kMilliseconds));
      const double target = batch == 1 ? kTargetMsAtBatch1 : 0;
      std::printf("int8 %-5s %8.3f %5d %9.4f %7s\n", m.pattern.c_str(), m.sparsity,
                  static_cast<int>(batch), ms, batch == 1 ? "0.020" : "");
      std::fflush(stdout);
      Record record;
      record.Add("measured", "serving").Add("kernel", "").Add("precision", "int8");
      record.Add("pattern", m.pattern).Add("sparsity", m.sparsity).Add("threads", 1);
      record.Add("ms", ms).Add("m", static_cast<double>(batch)).Add("target", target);
      record.Add("target_of", target > 0 ? "ms" : "");
      if (records) PrintRecord(record);
    }
  }
}

// A long chain of ops beside a chain of Identity, in turns, per op.
void TimeOverhead(bool records) {
  constexpr int kLinks = 100, kTurns = 10;
  const auto sparse = TfSession::Chain(kLinks, true), identity = TfSession::Chain(kLinks, false);
  std::vector<double> differences;
  for (int i = 0; i < kTurns; ++i) {
    const double ours = Median(Times(*sparse, kMilliseconds / kTurns));
    differences.push_back(ours - Median(Times(*identity, kMilliseconds / kTurns)));
  }
  const double us = 1000 * Median(differences) / kLinks;
  std::printf(
      "\nWhat an op of 16 inputs and outputs takes beyond an Identity: %.2f us (target: "
      "%.0f)\n",
      us, kTargetOverheadUs);
  Record record;
  record.Add("measured", "op overhead").Add("kernel", "").Add("precision", "fp32");
  record.Add("pattern", "16x4").Add("sparsity", 0.75).Add("threads", 1).Add("ms", us / 1000);
  record.Add("m", 1).Add("k", 16).Add("n", 16).Add("overhead_us", us);
  record.Add("target", kTargetOverheadUs).Add("target_of", "overhead_us");
  if (records) PrintRecord(record);
}

}  // namespace
}  // namespace tfsparse

int main(int argc, char** argv) {
  const bool records = argc == 3 && std::string(argv[2]) == "--records";
  if (argc != 2 && !records) {
    std::fputs("usage: bench_serving MODELS [--records]\n", stderr);
    return 2;
  }
  try {
    tfsparse::LoadOps(tfsparse::Library(argv[0]));
    tfsparse::TimeModels(argv[1], records);
    tfsparse::TimeOverhead(records);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_serving: %s\n", error.what());
    return 1;
  }
  return 0;
}
