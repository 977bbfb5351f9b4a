#ifndef TFSPARSE_BENCHMARKS_TF_SESSION_H_
#define TFSPARSE_BENCHMARKS_TF_SESSION_H_

// A graph and its session through TensorFlow's C API, on one thread, with one input and one
// output; what fails throws.

#include <tensorflow/c/c_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tfsparse {

// Registers the ops.
void LoadOps(const std::string& library);

class TfSession {
 public:
  // Of a SavedModel, with the graph elements ("serving_default_x:0") to feed and to fetch.
  static std::unique_ptr<TfSession> Load(const std::string& model, const std::string& input,
                                         const std::string& output);

  // Of a graph: `links` ops, each reading the one before. With `sparse` a link is a float
  // Tfsparse>BlockSparseMatMul of 16 inputs and outputs, which is next to no work; without, it is
  // an Identity. TensorFlow's optimizers, which would take Identity out, are off.
  static std::unique_ptr<TfSession> Chain(int links, bool sparse);

  ~TfSession();

  // Makes the tensor that is fed, float [rows, columns].
  void Feed(int64_t rows, int64_t columns);
  // Computes the output and lets go of it.
  void Run();

 private:
  explicit TfSession(bool optimize);

  void Check(const std::string& what) const;
  TF_Output Find(const std::string& element) const;
  TF_Output Constant(const std::string& name, TF_DataType dtype, const std::vector<int64_t>& shape,
                     const void* data);
  TF_Output Placeholder();
  TF_Output Link(int number, TF_Output x, bool sparse);

  TF_Status* const status_;
  TF_Graph* const graph_;
  TF_SessionOptions* const options_;
  TF_Session* session_ = nullptr;
  TF_Tensor* fed_ = nullptr;
  TF_Output input_ = {}, output_ = {};
};

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_TF_SESSION_H_
