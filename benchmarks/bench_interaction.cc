// Times what lies between the MLPs of DLRM, beside a bound of the machine's.
//
//   bench_interaction [FILTER [THREADS [ROWS]]]
//
// FILTER lets only lines through that have it, such as "int8"; tables have 100,000 rows unless ROWS
// says otherwise: with few rows all is in cache. The instruction set is
// TFSPARSE_ISA's, or the best one. Columns, per item: ns; rows, what reading the rows alone takes,
// prefetched; dots, the products at the peak that one core was measured to have on registers;
// bound, both together; over, the time over the bound. With threads, both are shared among them.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "benchmarks/interaction_case.h"
#include "benchmarks/peak.h"

namespace tfsparse {
namespace {

double PeakOf(TableType type, Isa isa) {
  return type == TableType::kS8     ? PeakU8S8(isa)
         : type == TableType::kBf16 ? PeakBf16(isa)
                                    : PeakF32(isa);
}

void Run(const std::string& filter, int threads, int64_t table_rows) {
  Isa isa;
  if (const Status status = ChooseIsa(&isa); !status.ok()) {
    std::fprintf(stderr, "bench_interaction: %s\n", status.message().c_str());
    std::exit(1);
  }
  std::printf("DLRM's lookups and interaction on %s: 26 tables of %d x 128\n\n", IsaName(isa),
              static_cast<int>(table_rows));
  std::printf("%-5s %-10s %6s %7s %8s %8s %8s %8s %6s\n", "prec", "scales", "batch", "threads",
              "ns", "rows", "dots", "bound", "over");
  for (InteractionCase c : StandardInteractionCases()) {
    const char* scales = c.type != TableType::kS8 ? "" : c.row_scales ? "per row" : "per table";
    const std::string name = c.precision() + " " + scales + " " + std::to_string(c.batch);
    if (name.find(filter) == std::string::npos) continue;
    c.isa = isa, c.threads = threads, c.rows = table_rows;
    InteractionResult r;
    if (const Status status = RunInteractionCase(c, &r); !status.ok()) {
      std::fprintf(stderr, "bench_interaction: %s: %s\n", name.c_str(), status.message().c_str());
      std::exit(1);
    }
    const double peak = PeakOf(c.type, isa);
    const double dots = peak > 0 ? 2 * r.macs / peak : 0, bound = (r.rows_ns + dots) / threads;
    std::printf("%-5s %-10s %6d %7d %8.0f %8.0f %8.0f %8.0f %5.2fx\n", c.precision().c_str(),
                scales, static_cast<int>(c.batch), threads, r.ns, r.rows_ns, dots, bound,
                r.ns / bound);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace tfsparse

int main(int argc, char** argv) {
  tfsparse::Run(argc > 1 ? argv[1] : "", argc > 2 ? std::atoi(argv[2]) : 1,
                argc > 3 ? std::atoi(argv[3]) : 100000);
}
