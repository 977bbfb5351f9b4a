// A SavedModel of one input and one output through TensorFlow's C API, so that the same calls work
// from any language that can call C. Four steps:
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

#ifndef TFSPARSE_EXAMPLES_C_CLIENT_SERVED_MODEL_H_
#define TFSPARSE_EXAMPLES_C_CLIENT_SERVED_MODEL_H_

#include <tensorflow/c/c_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "examples/c_client/load.h"

// What the C API gives out must be given back.
template <auto Function>
struct Give {
  template <typename T>
  void operator()(T* object) const {
    Function(object);
  }
};
void CloseSession(TF_Session* session);

using Library = std::unique_ptr<TF_Library, Give<TF_DeleteLibraryHandle>>;
using Graph = std::unique_ptr<TF_Graph, Give<TF_DeleteGraph>>;
using Options = std::unique_ptr<TF_SessionOptions, Give<TF_DeleteSessionOptions>>;
using Tensor = std::unique_ptr<TF_Tensor, Give<TF_DeleteTensor>>;
using Session = std::unique_ptr<TF_Session, Give<CloseSession>>;

// Registers the ops of a library.
Library LoadLibrary(const std::string& file);

// What fails throws std::runtime_error, which says what was tried.
class ServedModel {
 public:
  // Of a folder, with the graph elements to feed and to fetch, such as "serving_default_x:0".
  ServedModel(const std::string& folder, const std::string& input, const std::string& output);

  // A batch from a file of its raw elements, row-major, in the model's dtype.
  Tensor Read(const std::string& file, const std::vector<int64_t>& shape) const;
  Tensor Run(const TF_Tensor* x) const;

 private:
  const Graph graph_{TF_NewGraph()};
  Session session_;
  TF_Output input_, output_;
};

// The raw elements of a tensor into a file.
void WriteTensor(const std::string& file, const TF_Tensor* tensor);
// As "dtype 1 shape 32 10".
std::string Describe(const TF_Tensor* tensor);
// "32,128" as sizes; throws std::invalid_argument for anything else.
std::vector<int64_t> ParseShape(const std::string& text);

#endif  // TFSPARSE_EXAMPLES_C_CLIENT_SERVED_MODEL_H_
