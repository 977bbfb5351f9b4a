#include "examples/c_client/served_model.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

void CloseSession(TF_Session* session) {
  const tfsparse::CallStatus status;
  TF_CloseSession(session, status);
  TF_DeleteSession(session, status);
}

Library LoadLibrary(const std::string& file) {
  const tfsparse::CallStatus status;
  Library library(TF_LoadLibrary(file.c_str(), status));
  status.Check("loading the library");
  return library;
}

ServedModel::ServedModel(const std::string& folder, const std::string& input,
                         const std::string& output) {
  const tfsparse::CallStatus status;
  const Options options(TF_NewSessionOptions());
  const char* tags[] = {"serve"};
  session_.reset(TF_LoadSessionFromSavedModel(options.get(), /*run_options=*/nullptr,
                                              folder.c_str(), tags, 1, graph_.get(),
                                              /*meta_graph_def=*/nullptr, status));
  status.Check("loading the model");
  input_ = tfsparse::FindElement(graph_.get(), input);
  output_ = tfsparse::FindElement(graph_.get(), output);
}

Tensor ServedModel::Read(const std::string& file, const std::vector<int64_t>& shape) const {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + file);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  const TF_DataType dtype = TF_OperationOutputType(input_);
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

Tensor ServedModel::Run(const TF_Tensor* x) const {
  const tfsparse::CallStatus status;
  TF_Tensor* const fed[] = {const_cast<TF_Tensor*>(x)};
  TF_Tensor* fetched[] = {nullptr};
  TF_SessionRun(session_.get(), /*run_options=*/nullptr, &input_, fed, 1, &output_, fetched, 1,
                /*target_opers=*/nullptr, 0, /*run_metadata=*/nullptr, status);
  status.Check("running the model");
  return Tensor(fetched[0]);
}

void WriteTensor(const std::string& file, const TF_Tensor* tensor) {
  std::ofstream stream(file, std::ios::binary);
  stream.write(static_cast<const char*>(TF_TensorData(tensor)),
               static_cast<std::streamsize>(TF_TensorByteSize(tensor)));
  if (!stream.flush()) throw std::runtime_error("cannot write " + file);
}

std::string Describe(const TF_Tensor* tensor) {
  std::ostringstream text;
  text << "dtype " << TF_TensorType(tensor) << " shape";
  for (int i = 0; i < TF_NumDims(tensor); ++i) text << ' ' << TF_Dim(tensor, i);
  return text.str();
}

std::vector<int64_t> ParseShape(const std::string& text) {
  std::vector<int64_t> shape;
  std::istringstream stream(text);
  for (std::string size; std::getline(stream, size, ',');) {
    char* end = nullptr;
    shape.push_back(std::strtoll(size.c_str(), &end, 10));
    if (size.empty() || *end != '\0' || shape.back() < 0) {
      throw std::invalid_argument("should be sizes such as 32,128. Received: " + text);
    }
  }
  return shape;
}
