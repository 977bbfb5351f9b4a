// Serves a SavedModel that tfsparse has exported, from a program without Python.
//
// Everything goes through TensorFlow's C API, so the same calls work from any language
// that can call C. Four steps:
//
//   1. TF_LoadLibrary               registers the block-sparse ops with TensorFlow
//   2. TF_LoadSessionFromSavedModel loads the graph and its variables
//   3. TF_SessionRun                computes, as often as there are batches
//   4. check the TF_Status of every one of them
//
// The first step comes before the second: without the ops TensorFlow refuses the model
// with "Op type not registered 'Tfsparse>...'".
//
// A session knows graph elements and not signatures. What the inputs and outputs of a
// signature are called in the graph is shown by
//
//   saved_model_cli show --dir DIR --tag_set serve --signature_def serving_default

#include <tensorflow/c/c_api.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

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

// What the C API gives out must be given back.
template <auto Function>
struct Give {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};
using Library = std::unique_ptr<TF_Library, Give<TF_DeleteLibraryHandle>>;
using Graph = std::unique_ptr<TF_Graph, Give<TF_DeleteGraph>>;
using Options = std::unique_ptr<TF_SessionOptions, Give<TF_DeleteSessionOptions>>;
using Tensor = std::unique_ptr<TF_Tensor, Give<TF_DeleteTensor>>;

struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Status {
 public:
  operator TF_Status*() const { return status_.get(); }

  // Throws, with `what` was tried, unless it went well.
  void Check(const std::string& what) const {
    if (TF_GetCode(status_.get()) == TF_OK) return;
    throw std::runtime_error(what + ": code " + std::to_string(TF_GetCode(status_.get())) + ": " +
                             TF_Message(status_.get()));
  }

 private:
  std::unique_ptr<TF_Status, Give<TF_DeleteStatus>> status_{TF_NewStatus()};
};

void CloseSession(TF_Session* session) {
  const Status status;
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
}
using Session = std::unique_ptr<TF_Session, Give<CloseSession>>;

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

std::vector<int64_t> ParseShape(const std::string& text) {
  std::vector<int64_t> shape;
  std::istringstream stream(text);
  for (std::string size; std::getline(stream, size, ',');) {
    char* end = nullptr;
    shape.push_back(std::strtoll(size.c_str(), &end, 10));
    if (size.empty() || *end != '\0' || shape.back() < 0) {
      throw UsageError("--shape should be sizes such as 32,128. Received: " + text);
    }
  }
  return shape;
}

// "serving_default_x:0" as an element of the graph.
TF_Output Find(TF_Graph* graph, const std::string& element) {
  const size_t colon = element.rfind(':');
  const std::string name = element.substr(0, colon);
  const int index = colon == std::string::npos ? 0 : std::atoi(element.c_str() + colon + 1);
  TF_Operation* operation = TF_GraphOperationByName(graph, name.c_str());
  if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    throw std::runtime_error("the graph has no element " + element);
  }
  return {operation, index};
}

Tensor ReadTensor(const std::string& file, TF_DataType dtype, const std::vector<int64_t>& shape) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  size_t expected = TF_DataTypeSize(dtype);
  for (const int64_t size : shape) {
    if (__builtin_mul_overflow(expected, size, &expected)) {
      throw std::runtime_error("the shape is too large");
    }
  }
  if (bytes.size() != expected) {
    throw std::runtime_error(file + " should hold " + std::to_string(expected) +
                             " bytes for this shape. Received: " + std::to_string(bytes.size()));
  }
  Tensor tensor(
      TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), bytes.size()));
  bytes.copy(static_cast<char*>(TF_TensorData(tensor.get())), bytes.size());
  return tensor;
}

void WriteTensor(const std::string& file, const TF_Tensor* tensor) {
  std::ofstream stream(file, std::ios::binary);
  stream.write(static_cast<const char*>(TF_TensorData(tensor)),
               static_cast<std::streamsize>(TF_TensorByteSize(tensor)));
  if (!stream.flush()) throw std::runtime_error("cannot write " + file);
  std::cout << "dtype " << TF_TensorType(tensor) << " shape";
  for (int i = 0; i < TF_NumDims(tensor); ++i) std::cout << ' ' << TF_Dim(tensor, i);
  std::cout << '\n';
}

void Serve(Flags flags) {
  const Status status;
  Library library;
  if (!flags["--library"].empty()) {
    library.reset(TF_LoadLibrary(flags["--library"].c_str(), status));
    status.Check("loading the library");
  }

  const Graph graph(TF_NewGraph());
  const Options options(TF_NewSessionOptions());
  const char* tags[] = {"serve"};
  const Session session(TF_LoadSessionFromSavedModel(options.get(), /*run_options=*/nullptr,
                                                     flags["--model"].c_str(), tags, 1, graph.get(),
                                                     /*meta_graph_def=*/nullptr, status));
  status.Check("loading the model");

  const TF_Output input = Find(graph.get(), flags["--input"]);
  const TF_Output output = Find(graph.get(), flags["--output"]);
  const Tensor x = ReadTensor(flags["--input-file"], TF_OperationOutputType(input),
                              ParseShape(flags["--shape"]));
  TF_Tensor* const fed[] = {x.get()};
  TF_Tensor* fetched[] = {nullptr};
  TF_SessionRun(session.get(), /*run_options=*/nullptr, &input, fed, 1, &output, fetched, 1,
                /*target_opers=*/nullptr, 0, /*run_metadata=*/nullptr, status);
  status.Check("running the model");
  const Tensor y(fetched[0]);
  WriteTensor(flags["--output-file"], y.get());
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
