// Serves a SavedModel that tfsparse has exported, from a program without Python: served_model.h
// has the calls of TensorFlow's C API, and this is a command line for them.

#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "examples/c_client/served_model.h"

namespace {

constexpr char kUsage[] =
    R"(usage: c_client --model DIR --input NAME:INDEX --shape N,N,... --input-file FILE
                --output NAME:INDEX --output-file FILE [--library FILE]

Runs a SavedModel on one batch.

  --library FILE       libtfsparse_ops.so; omit it to see what TensorFlow says without
  --model DIR          the SavedModel
  --input NAME:INDEX   graph element to feed, such as serving_default_x:0
  --shape N,N,...      shape of the batch
  --input-file FILE    the batch: its raw elements, row-major, in the model's dtype
  --output NAME:INDEX  graph element to fetch, such as PartitionedCall_1:0
  --output-file FILE   where to write the raw elements of the result; its shape is printed
)";

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Flags = std::map<std::string, std::string>;

Flags ParseFlags(int argc, char** argv) {
  Flags flags = {{"--library", ""}};
  const std::vector<std::string> required = {"--model",      "--input",  "--shape",
                                             "--input-file", "--output", "--output-file"};
  for (const std::string& name : required) flags[name];
  for (int i = 1; i < argc; i += 2) {
    if (flags.count(argv[i]) == 0) throw UsageError(std::string("unknown flag ") + argv[i]);
    if (i + 1 == argc) throw UsageError(std::string(argv[i]) + " needs a value");
    flags[argv[i]] = argv[i + 1];
  }
  for (const std::string& name : required) {
    if (flags[name].empty()) throw UsageError(name + " is missing");
  }
  return flags;
}

std::vector<int64_t> Shape(const Flags& flags) {
  try {
    return ParseShape(flags.at("--shape"));
  } catch (const std::invalid_argument& error) {
    throw UsageError(std::string("--shape ") + error.what());
  }
}

void Serve(Flags flags) {
  Library library;
  if (!flags["--library"].empty()) library = LoadLibrary(flags["--library"]);
  const ServedModel model(flags["--model"], flags["--input"], flags["--output"]);
  const Tensor x = model.Read(flags["--input-file"], Shape(flags));
  const Tensor y = model.Run(x.get());
  WriteTensor(flags["--output-file"], y.get());
  std::cout << Describe(y.get()) << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--help") {
    std::cout << kUsage;
    return 0;
  }
  try {
    Serve(ParseFlags(argc, argv));
  } catch (const UsageError& error) {
    std::cerr << "c_client: " << error.what() << '\n' << kUsage;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "c_client: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
