// tfsparse::Load, a SavedModel as a function of arrays: what tfsparse.load is in Python, in one
// header for C++17. It needs TensorFlow's C API and nothing else.
//
//   const auto model = tfsparse::Load("served/1", {"libtfsparse_ops.so", /*threads=*/1});
//   const std::vector<float> x(64);
//   const tfsparse::Arrays y = model({{"x", tfsparse::Array({1, 64}, x)}});
//   const float* scores = y.at("output_0").data<float>();
//
// A model may be called from any number of threads at once, and copied: copies share the session.
// Ops run on the thread that calls, since to hand a call to another one takes longer than a small
// model. What fails throws std::runtime_error, which says what was tried.
//
// Inputs and outputs are those of a signature. TensorFlow's C API knows graph elements only; which
// ones a signature means stands in the model's MetaGraphDef, of which the few fields that count are
// read here.

#ifndef TFSPARSE_EXAMPLES_C_CLIENT_LOAD_H_
#define TFSPARSE_EXAMPLES_C_CLIENT_LOAD_H_

#include <tensorflow/c/c_api.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tfsparse {

struct LoadOptions {
  LoadOptions(std::string library = "", int threads = 0, std::string signature = "")
      : library(std::move(library)), threads(threads), signature(std::move(signature)) {}

  std::string library;    // libtfsparse_ops.so; empty if it is loaded, or the model needs none
  int threads;            // within an op; 0 for as many as there are cores
  std::string signature;  // empty for "serving_default", or for the only one
};

// An input or output of a signature.
struct Spec {
  std::string element;  // of the graph, such as "serving_default_x:0"
  TF_DataType dtype = TF_FLOAT;
};
using Specs = std::map<std::string, Spec>;

// What came of a call of the C API.
class CallStatus {
 public:
  operator TF_Status*() const { return status_.get(); }

  // Throws, with `what` was tried, unless it went well.
  void Check(const std::string& what) const {
    if (TF_GetCode(status_.get()) == TF_OK) return;
    throw std::runtime_error(what + ": code " + std::to_string(TF_GetCode(status_.get())) + ": " +
                             TF_Message(status_.get()));
  }

 private:
  std::unique_ptr<TF_Status, void (*)(TF_Status*)> status_{TF_NewStatus(), TF_DeleteStatus};
};

namespace internal {

template <typename T>
constexpr TF_DataType TypeOf() {
  if constexpr (std::is_same_v<T, float>) return TF_FLOAT;
  if constexpr (std::is_same_v<T, double>) return TF_DOUBLE;
  if constexpr (std::is_same_v<T, int8_t>) return TF_INT8;
  if constexpr (std::is_same_v<T, uint8_t>) return TF_UINT8;
  if constexpr (std::is_same_v<T, int32_t>) return TF_INT32;
  if constexpr (std::is_same_v<T, int64_t>) return TF_INT64;
  return TF_BOOL;
}

// The fields of a serialized protocol buffer, one after the other. What is cut off or malformed
// throws.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  // Goes to the next field; false at the end.
  bool Next() {
    if (rest_.empty()) return false;
    const uint64_t key = Varint();
    number = key >> 3;
    switch (key & 7) {
      case 0:
        value = Varint();
        bytes = {};
        break;
      case 1:
        bytes = Take(8);
        break;
      case 2:
        bytes = Take(Varint());
        break;
      case 5:
        bytes = Take(4);
        break;
      default:
        throw std::runtime_error("the model's description is malformed");
    }
    return true;
  }

  uint64_t number = 0, value = 0;
  std::string_view bytes;

 private:
  uint64_t Varint() {
    uint64_t result = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      result |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return result;
    }
    throw std::runtime_error("the model's description is cut off");
  }
  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) throw std::runtime_error("the model's description is cut off");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
};

// TensorInfo: name = 1, dtype = 2.
inline Spec ReadSpec(std::string_view bytes) {
  Spec spec;
  for (Fields info(bytes); info.Next();) {
    if (info.number == 1) spec.element = std::string(info.bytes);
    if (info.number == 2) spec.dtype = static_cast<TF_DataType>(info.value);
  }
  return spec;
}

// An entry of a map: key = 1, value = 2.
inline std::pair<std::string, std::string_view> ReadEntry(std::string_view bytes) {
  std::pair<std::string, std::string_view> entry;
  for (Fields field(bytes); field.Next();) {
    if (field.number == 1) entry.first = std::string(field.bytes);
    if (field.number == 2) entry.second = field.bytes;
  }
  return entry;
}

struct Signature {
  Specs inputs, outputs;
};

// MetaGraphDef: signature_def = 5, a map to SignatureDef: inputs = 1, outputs = 2, maps to
// TensorInfo.
inline std::map<std::string, Signature> ReadSignatures(std::string_view meta_graph) {
  std::map<std::string, Signature> signatures;
  for (Fields graph(meta_graph); graph.Next();) {
    if (graph.number != 5) continue;
    const auto [key, bytes] = ReadEntry(graph.bytes);
    Signature& signature = signatures[key];
    for (Fields field(bytes); field.Next();) {
      if (field.number != 1 && field.number != 2) continue;
      const auto [name, spec] = ReadEntry(field.bytes);
      (field.number == 1 ? signature.inputs : signature.outputs)[name] = ReadSpec(spec);
    }
  }
  return signatures;
}

// TensorFlow's own signature, of which a user knows nothing, begins with this.
inline bool IsInternal(const std::string& key) { return key.rfind("__saved_model_", 0) == 0; }

inline Signature Choose(std::map<std::string, Signature> all, const std::string& wanted) {
  std::string names;
  std::vector<std::string> keys;
  for (const auto& [key, _] : all) {
    if (IsInternal(key)) continue;
    names += (names.empty() ? "" : ", ") + key;
    keys.push_back(key);
  }
  std::string key = wanted.empty() ? "serving_default" : wanted;
  if (wanted.empty() && keys.size() == 1) key = keys[0];
  const auto found = all.find(key);
  if (found == all.end()) {
    throw std::runtime_error("the signature should be one of [" + names + "]. Received: " + key);
  }
  return found->second;
}

// A serialized ConfigProto: intra_op_parallelism_threads = 2, inter_op_parallelism_threads = 5,
// which is -1: ops run on the calling thread.
inline std::string Config(int threads) {
  std::string config;
  const auto put = [&config](char key, int64_t value) {
    config += key;
    auto left = static_cast<uint64_t>(value);
    for (; left >= 0x80; left >>= 7) config += static_cast<char>(left | 0x80);
    config += static_cast<char>(left);
  };
  if (threads > 0) put(2 << 3, threads);
  put(5 << 3, -1);
  return config;
}

}  // namespace internal

// Numbers of any shape. Copies share them.
class Array {
 public:
  Array() = default;
  // Copies the elements, row-major.
  template <typename T>
  Array(std::vector<int64_t> shape, const T* elements) : Array(shape, internal::TypeOf<T>()) {
    static_assert(std::is_same_v<T, bool> || internal::TypeOf<T>() != TF_BOOL,
                  "no type of a model");
    std::memcpy(TF_TensorData(tensor_.get()), elements, TF_TensorByteSize(tensor_.get()));
  }
  template <typename T>
  Array(std::vector<int64_t> shape, const std::vector<T>& elements)
      : Array(Checked(std::move(shape), elements.size()), elements.data()) {}
  explicit Array(TF_Tensor* tensor) : tensor_(tensor, TF_DeleteTensor) {}

  std::vector<int64_t> shape() const {
    std::vector<int64_t> shape(TF_NumDims(tensor_.get()));
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      shape[axis] = TF_Dim(tensor_.get(), static_cast<int>(axis));
    }
    return shape;
  }
  int64_t size() const { return TF_TensorElementCount(tensor_.get()); }
  TF_DataType dtype() const { return TF_TensorType(tensor_.get()); }
  TF_Tensor* tensor() const { return tensor_.get(); }

  template <typename T>
  const T* data() const {
    if (dtype() != internal::TypeOf<T>()) {
      throw std::runtime_error("data<T>() should be of the array's type, " +
                               std::to_string(dtype()) +
                               ". Received: " + std::to_string(internal::TypeOf<T>()));
    }
    return static_cast<const T*>(TF_TensorData(tensor_.get()));
  }

 private:
  Array(const std::vector<int64_t>& shape, TF_DataType dtype) {
    size_t bytes = TF_DataTypeSize(dtype);
    for (const int64_t size : shape) {
      if (size < 0 || __builtin_mul_overflow(bytes, size, &bytes)) {
        throw std::runtime_error("the shape of an array should be sizes that memory holds");
      }
    }
    tensor_.reset(TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), bytes),
                  TF_DeleteTensor);
    if (tensor_ == nullptr) throw std::runtime_error("there is no memory for an array");
  }
  static std::vector<int64_t> Checked(std::vector<int64_t> shape, size_t elements) {
    size_t count = 1;
    for (const int64_t size : shape) {
      if (size < 0 || __builtin_mul_overflow(count, size, &count)) count = SIZE_MAX;
    }
    if (count != elements) {
      throw std::runtime_error("an array should have as many elements as its shape. Received: " +
                               std::to_string(elements));
    }
    return shape;
  }

  std::shared_ptr<TF_Tensor> tensor_;
};

using Arrays = std::map<std::string, Array>;

// An element of a graph by its name, such as "serving_default_x:0".
inline TF_Output FindElement(TF_Graph* graph, const std::string& element) {
  const size_t colon = element.rfind(':');
  TF_Operation* operation = TF_GraphOperationByName(graph, element.substr(0, colon).c_str());
  const int index = colon == std::string::npos ? 0 : std::atoi(element.c_str() + colon + 1);
  if (operation == nullptr || index < 0 || index >= TF_OperationNumOutputs(operation)) {
    throw std::runtime_error("the graph has no element " + element);
  }
  return {operation, index};
}

class Model {
 public:
  Model(const std::string& folder, const LoadOptions& options) {
    setenv("TF_OVERRIDE_GLOBAL_THREADPOOL", "1", /*overwrite=*/0);  // a pool for each session
    const CallStatus status;
    if (!options.library.empty()) {
      // The handle may go; the ops stay.
      TF_DeleteLibraryHandle(TF_LoadLibrary(options.library.c_str(), status));
      status.Check("loading the library");
    }
    const std::unique_ptr<TF_SessionOptions, void (*)(TF_SessionOptions*)> session_options(
        TF_NewSessionOptions(), TF_DeleteSessionOptions);
    const std::string config = internal::Config(options.threads);
    TF_SetConfig(session_options.get(), config.data(), config.size(), status);
    status.Check("configuring the session");

    graph_.reset(TF_NewGraph(), TF_DeleteGraph);
    const std::unique_ptr<TF_Buffer, void (*)(TF_Buffer*)> description(TF_NewBuffer(),
                                                                       TF_DeleteBuffer);
    const char* tags[] = {"serve"};
    TF_Session* session =
        TF_LoadSessionFromSavedModel(session_options.get(), /*run_options=*/nullptr, folder.c_str(),
                                     tags, 1, graph_.get(), description.get(), status);
    status.Check("loading the model");
    session_.reset(session, [](TF_Session* ended) {
      const CallStatus ignored;
      TF_CloseSession(ended, ignored);
      TF_DeleteSession(ended, ignored);
    });
    const std::string_view bytes(static_cast<const char*>(description->data), description->length);
    signature_ = internal::Choose(internal::ReadSignatures(bytes), options.signature);
    for (const auto& [name, spec] : signature_.inputs)
      fed_.push_back(FindElement(graph_.get(), spec.element));
    for (const auto& [name, spec] : signature_.outputs)
      fetched_.push_back(FindElement(graph_.get(), spec.element));
  }

  const Specs& inputs() const { return signature_.inputs; }
  const Specs& outputs() const { return signature_.outputs; }

  // Arrays by the names of the inputs, all of them; gives arrays by the names of the outputs.
  Arrays operator()(const Arrays& given) const {
    std::vector<TF_Tensor*> fed;
    for (const auto& [name, spec] : signature_.inputs) {
      const auto found = given.find(name);
      if (found == given.end()) throw std::runtime_error("the input " + name + " is missing");
      if (found->second.tensor() == nullptr || found->second.dtype() != spec.dtype) {
        throw std::runtime_error("the input " + name + " should be of type " +
                                 std::to_string(spec.dtype));
      }
      fed.push_back(found->second.tensor());
    }
    if (given.size() != fed.size()) throw std::runtime_error("there are inputs of other names");
    std::vector<TF_Tensor*> fetched(fetched_.size());
    const CallStatus status;
    TF_SessionRun(session_.get(), /*run_options=*/nullptr, fed_.data(), fed.data(),
                  static_cast<int>(fed.size()), fetched_.data(), fetched.data(),
                  static_cast<int>(fetched.size()), /*target_opers=*/nullptr, 0,
                  /*run_metadata=*/nullptr, status);
    status.Check("running the model");
    Arrays outputs;
    size_t place = 0;
    for (const auto& [name, spec] : signature_.outputs) {
      outputs.emplace(name, Array(fetched[place++]));
    }
    return outputs;
  }

 private:
  std::shared_ptr<TF_Graph> graph_;  // outlives the session
  std::shared_ptr<TF_Session> session_;
  internal::Signature signature_;
  std::vector<TF_Output> fed_, fetched_;
};

// Loads a SavedModel.
inline Model Load(const std::string& folder, const LoadOptions& options = {}) {
  return Model(folder, options);
}

}  // namespace tfsparse

#endif  // TFSPARSE_EXAMPLES_C_CLIENT_LOAD_H_
