// Runs random arguments through the engine as the ops' kernels call it:
//
//   fuzz_ops [--isa=avx2] [--target=chain_int8] [--seed=1] [--first=0] [--cases=1000]
//
// on every ISA of this processor and for every target by default, --cases sets on each ISA. Case
// i of a target and a seed has the same arguments on all ISAs, and by itself:
//
//   fuzz_ops --isa=avx2 --target=chain_int8 --seed=1 --first=i --cases=1
//
// --list prints the ISAs of this processor instead. Prints `ISA cases answered refused` as it
// gets on. A broken law, a sanitizer's report, a crash, or a case that takes too long or too much
// memory ends it with the line that repeats the case. Half of the cases run as TensorFlow's threads
// do, which take subnormal numbers for zeros.

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/fuzz/targets.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

extern "C" {
// Where there are sanitizers: by their report, and at that much memory.
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());
const char* __asan_default_options() { return "hard_rss_limit_mb=4096"; }
}

namespace tfsparse {
namespace {

// For one case, of a few milliseconds: of the processor's time, and of a clock that also counts
// while this process waits, for ever perhaps, or is suspended.
constexpr unsigned kMaxCpuSeconds = 60, kMaxSeconds = 900;
constexpr int kCasesPerLine = 500;

struct Options {
  std::string isa, target;
  uint64_t seed = 1;
  int64_t first = 0, cases = 1000;
  bool list = false;
};

// What is being run, for the line that repeats it.
char g_repeat[256];

void SayHowToRepeat() {
  const auto length = static_cast<unsigned>(std::strlen(g_repeat));
  if (write(STDERR_FILENO, g_repeat, length) < 0) _exit(1);
}

void OnSignal(int number) {
  SayHowToRepeat();
  signal(number, SIG_DFL);
  raise(number);
}

void Watch() {
  // A sanitizer has handlers for crashes, which call this.
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(SayHowToRepeat);
  } else {
    for (int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE}) signal(number, OnSignal);
  }
  for (int number : {SIGABRT, SIGALRM, SIGPROF}) signal(number, OnSignal);
}

// Mixes a seed and a number so that neighbours have nothing in common.
uint64_t Mix(uint64_t seed, uint64_t number) {
  uint64_t x = seed * 0x9e3779b97f4a7c15u + number;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

void TakeSubnormalsForZeros(bool yes) {
#if defined(__SSE__)
  constexpr unsigned kBits = 0x8040;
  _mm_setcsr(yes ? _mm_getcsr() | kBits : _mm_getcsr() & ~kBits);
#endif
}

Outcome RunCase(const Target& target, Isa isa, const Options& options, int64_t number) {
  std::snprintf(g_repeat, sizeof(g_repeat),
                "\nto repeat: fuzz_ops --isa=%s --target=%s --seed=%llu --first=%lld --cases=1\n",
                IsaName(isa), target.name, static_cast<unsigned long long>(options.seed),
                static_cast<long long>(number));
  const itimerval limit = {{}, {kMaxCpuSeconds, 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);
  alarm(kMaxSeconds);
  Random random(Mix(options.seed, static_cast<uint64_t>(number)));
  TakeSubnormalsForZeros(random.Chance(0.5));
  const Outcome outcome = target.run(random, isa);
  TakeSubnormalsForZeros(false);
  return outcome;
}

std::vector<Target> Chosen(const std::string& name) {
  std::vector<Target> chosen;
  for (const Target& target : Targets()) {
    if (name.empty() || name == target.name) chosen.push_back(target);
  }
  return chosen;
}

void RunIsa(Isa isa, const std::vector<Target>& targets, const Options& options) {
  int64_t counts[2] = {0, 0};
  for (int64_t i = 0; i < options.cases; ++i) {
    // One target after the other, so that a run of any length has all of them.
    const auto count = static_cast<int64_t>(targets.size());
    const int64_t number = options.first + i / count;
    ++counts[static_cast<int>(RunCase(targets[i % count], isa, options, number))];
    if ((i + 1) % kCasesPerLine == 0 || i + 1 == options.cases) {
      std::printf("%s %lld %lld %lld\n", IsaName(isa), static_cast<long long>(i + 1),
                  static_cast<long long>(counts[0]), static_cast<long long>(counts[1]));
      std::fflush(stdout);
    }
  }
}

bool Read(const char* argument, const char* flag, std::string* value) {
  const size_t length = std::strlen(flag);
  if (std::strncmp(argument, flag, length) != 0) return false;
  *value = argument + length;
  return true;
}

bool Parse(int count, char** arguments, Options* options) {
  for (int i = 1; i < count; ++i) {
    std::string number;
    if (std::strcmp(arguments[i], "--list") == 0) {
      options->list = true;
      continue;
    }
    if (Read(arguments[i], "--isa=", &options->isa)) continue;
    if (Read(arguments[i], "--target=", &options->target)) continue;
    if (Read(arguments[i], "--seed=", &number)) {
      options->seed = std::strtoull(number.c_str(), nullptr, 10);
    } else if (Read(arguments[i], "--first=", &number)) {
      options->first = std::strtoll(number.c_str(), nullptr, 10);
    } else if (Read(arguments[i], "--cases=", &number)) {
      options->cases = std::strtoll(number.c_str(), nullptr, 10);
    } else {
      std::fprintf(stderr, "fuzz_ops: unknown argument %s\n", arguments[i]);
      return false;
    }
  }
  return true;
}

int Main(int count, char** arguments) {
  Options options;
  if (!Parse(count, arguments, &options)) return 2;
  const std::vector<Target> targets = Chosen(options.target);
  std::vector<Isa> isas = SupportedIsas(GetCpuFeatures());
  if (!options.isa.empty()) {
    Isa isa;
    const Status status = ChooseIsa(GetCpuFeatures(), options.isa.c_str(), &isa);
    if (!status.ok()) {
      std::fprintf(stderr, "fuzz_ops: %s\n", status.message().c_str());
      return 2;
    }
    isas = {isa};
  }
  if (targets.empty()) {
    std::fprintf(stderr, "fuzz_ops: no target %s\n", options.target.c_str());
    return 2;
  }
  if (options.list) {
    for (Isa isa : isas) std::printf("%s\n", IsaName(isa));
    return 0;
  }
  Watch();
  try {
    for (Isa isa : isas) RunIsa(isa, targets, options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fuzz_ops: broken: %s", error.what());
    SayHowToRepeat();
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace tfsparse

int main(int count, char** arguments) { return tfsparse::Main(count, arguments); }
