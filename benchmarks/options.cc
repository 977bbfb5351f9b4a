#include "benchmarks/options.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace tfsparse {
namespace {

constexpr char kHelp[] =
    R"(Times block-sparse matmuls beside oneDNN's dense one, in the same run and in turns.
Every result is checked before it is timed.

  --shape MxKxN      rows, inputs, outputs            (default: the standard cases)
  --pattern AxB      block: outputs by inputs         (default 16x4)
  --precision P      int8 (uint8 x int8), fp32 or bf16
                                                      (default int8)
  --sparsity S       share of zeros, in [0, 1)        (default 0.85)
  --activation A     linear, relu, relu6, gelu, gelu_tanh, sigmoid, tanh or silu, beside
                     oneDNN's relu                    (default relu)
  --threads T        threads of both sides            (default 1)
  --filter TEXT      only cases whose name has TEXT, as in "int8 16x4" or "packing"
  --isa I            portable, avx2, avx2vnni, avx512, avx512vnni, avx512vbmi,
                     avx512bf16 or amx
                     (default: TFSPARSE_ISA, else the best one)
  --models DIR       what benchmarks/serving_models.py has written; the standard cases end with
                     these, through TensorFlow, which bench_serving beside this program times
  --json FILE        writes the results there as well
  --help             this text

Without --shape, --pattern, --precision, --sparsity or --activation the standard cases run,
which are products beside oneDNN's, two threads beside one, bf16 beside fp32, activations
beside ReLU, packing, a perceptron at small batches, and the convolutions of ResNet-50; any of them asks for one product. oneDNN is not bound to the ISA; ONEDNN_MAX_CPU_ISA does that.

Columns: eff GOP/s counts the operations of the dense product, real GOP/s those on
stored weights; peak is what one core was measured to do on registers with the ISA's instructions,
times threads;
share is real / peak; vs dense is oneDNN's time over ours; target is what one of the two
should be.
)";

// In the order of Activation.
constexpr const char* kActivations[] = {"linear",    "relu",    "relu6", "gelu",
                                        "gelu_tanh", "sigmoid", "tanh",  "silu"};

Activation ParseActivation(const std::string& name) {
  for (int i = 0; i < 8; ++i) {
    if (name == kActivations[i]) return static_cast<Activation>(i);
  }
  Fail("`--activation` should be one that --help lists. Received: " + name);
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
  std::string* const texts[] = {&options.filter, &options.json, &options.isa, &options.models};
  static constexpr const char* kTexts[] = {"--filter", "--json", "--isa", "--models"};
  for (int i = 0; i < 4; ++i) {
    if (option == kTexts[i]) {
      *texts[i] = value;
      return;
    }
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
    if (value != "int8" && value != "fp32" && value != "bf16") {
      Fail("`--precision` should be int8, fp32 or bf16. Received: " + value);
    }
    one.precision = value;
  } else if (option == "--activation") {
    one.activation = ParseActivation(value);
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

}  // namespace

void Fail(const std::string& message) {
  std::fprintf(stderr, "bench_kernels: %s\n", message.c_str());
  std::exit(2);
}

const char* ActivationName(Activation activation) {
  return kActivations[static_cast<int>(activation)];
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

}  // namespace tfsparse
