#include "benchmarks/tf_session.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace tfsparse {
namespace {

constexpr int64_t kWidth = 16;  // of a chain

void Throw(const TF_Status* status, const std::string& what) {
  if (TF_GetCode(status) != TF_OK) throw std::runtime_error(what + ": " + TF_Message(status));
}

// An int32 of -1, as protobuf writes it.
const std::string kMinusOne = std::string(9, '\xff') + '\x01';

// A number, or a message, as field `number` below 16 of a message.
std::string Field(int number, const std::string& value, bool message) {
  std::string field(1, static_cast<char>(number << 3 | (message ? 2 : 0)));
  if (message) field += static_cast<char>(value.size());
  return field + value;
}

// A ConfigProto: one thread, and ops on the thread that calls. Handing each call to another
// thread, as TensorFlow does unless inter_op_parallelism_threads is negative, takes 0.03 ms on
// Zen 5, twice as long as DLRM's perceptron by one row.
std::string Config(bool optimize) {
  std::string config = Field(2, "\x01", false) + Field(5, kMinusOne, false);
  if (!optimize) {
    // graph_options.optimizer_options.opt_level = L0, and of rewrite_options field 19,
    // disable_meta_optimizer.
    config += Field(10,
                    Field(3, Field(3, kMinusOne, false), true) +
                        Field(10, std::string("\x98\x01\x01", 3), true),
                    true);
  }
  return config;
}

}  // namespace

void LoadOps(const std::string& library) {
  TF_Status* status = TF_NewStatus();
  TF_DeleteLibraryHandle(TF_LoadLibrary(library.c_str(), status));
  const std::unique_ptr<TF_Status, void (*)(TF_Status*)> owned(status, TF_DeleteStatus);
  Throw(status, "loading " + library);
}

TfSession::TfSession(bool optimize)
    : status_(TF_NewStatus()), graph_(TF_NewGraph()), options_(TF_NewSessionOptions()) {
  const std::string config = Config(optimize);
  TF_SetConfig(options_, config.data(), config.size(), status_);
  Check("setting the options");
}

TfSession::~TfSession() {
  if (fed_ != nullptr) TF_DeleteTensor(fed_);
  if (session_ != nullptr) {
    TF_CloseSession(session_, status_);
    TF_DeleteSession(session_, status_);
  }
  TF_DeleteSessionOptions(options_);
  TF_DeleteGraph(graph_);
  TF_DeleteStatus(status_);
}

void TfSession::Check(const std::string& what) const { Throw(status_, what); }

std::unique_ptr<TfSession> TfSession::Load(const std::string& model, const std::string& input,
                                           const std::string& output) {
  std::unique_ptr<TfSession> made(new TfSession(/*optimize=*/true));
  const char* tags[] = {"serve"};
  made->session_ = TF_LoadSessionFromSavedModel(made->options_, nullptr, model.c_str(), tags, 1,
                                                made->graph_, nullptr, made->status_);
  made->Check("loading " + model);
  made->input_ = made->Find(input);
  made->output_ = made->Find(output);
  return made;
}

std::unique_ptr<TfSession> TfSession::Chain(int links, bool sparse) {
  std::unique_ptr<TfSession> made(new TfSession(/*optimize=*/false));
  made->input_ = made->output_ = made->Placeholder();
  for (int i = 0; i < links; ++i) made->output_ = made->Link(i, made->output_, sparse);
  made->session_ = TF_NewSession(made->graph_, made->options_, made->status_);
  made->Check("making a session");
  made->Feed(1, kWidth);
  return made;
}

void TfSession::Feed(int64_t rows, int64_t columns) {
  if (fed_ != nullptr) TF_DeleteTensor(fed_);
  const int64_t shape[] = {rows, columns};
  fed_ = TF_AllocateTensor(TF_FLOAT, shape, 2, rows * columns * sizeof(float));
  auto* const x = static_cast<float*>(TF_TensorData(fed_));
  for (int64_t i = 0; i < rows * columns; ++i) x[i] = static_cast<float>(i % 17) / 17;
}

void TfSession::Run() {
  TF_Tensor* fetched = nullptr;
  TF_SessionRun(session_, nullptr, &input_, &fed_, 1, &output_, &fetched, 1, nullptr, 0, nullptr,
                status_);
  Check("running the graph");
  TF_DeleteTensor(fetched);
}

TF_Output TfSession::Find(const std::string& element) const {
  const size_t colon = element.find(':');
  TF_Operation* operation = TF_GraphOperationByName(graph_, element.substr(0, colon).c_str());
  if (operation == nullptr) throw std::runtime_error("the graph has no element " + element);
  return {operation, colon == std::string::npos ? 0 : std::atoi(element.c_str() + colon + 1)};
}

TF_Output TfSession::Constant(const std::string& name, TF_DataType dtype,
                              const std::vector<int64_t>& shape, const void* data) {
  size_t bytes = TF_DataTypeSize(dtype);
  for (int64_t size : shape) bytes *= static_cast<size_t>(size);
  TF_Tensor* value = TF_AllocateTensor(dtype, shape.data(), static_cast<int>(shape.size()), bytes);
  std::memcpy(TF_TensorData(value), data, bytes);
  TF_OperationDescription* made = TF_NewOperation(graph_, "Const", name.c_str());
  TF_SetAttrType(made, "dtype", dtype);
  TF_SetAttrTensor(made, "value", value, status_);
  TF_DeleteTensor(value);
  Check("making " + name);
  TF_Operation* operation = TF_FinishOperation(made, status_);
  Check("making " + name);
  return {operation, 0};
}

TF_Output TfSession::Placeholder() {
  TF_OperationDescription* made = TF_NewOperation(graph_, "Placeholder", "x");
  TF_SetAttrType(made, "dtype", TF_FLOAT);
  const int64_t shape[] = {-1, kWidth};
  TF_SetAttrShape(made, "shape", shape, 2);
  TF_Operation* operation = TF_FinishOperation(made, status_);
  Check("making x");
  return {operation, 0};
}

TF_Output TfSession::Link(int number, TF_Output x, bool sparse) {
  const std::string name = "link" + std::to_string(number);
  const char* const type = sparse ? "Tfsparse>BlockSparseMatMul" : "Identity";
  std::vector<TF_Output> weights;
  if (sparse) {
    const std::vector<float> data(kWidth * 4, 0.25f);
    const int32_t indices[] = {number % 4}, indptr[] = {0, 1};
    weights.push_back(Constant(name + "/data", TF_FLOAT, {1, kWidth, 4}, data.data()));
    weights.push_back(Constant(name + "/indices", TF_INT32, {1}, indices));
    weights.push_back(Constant(name + "/indptr", TF_INT32, {2}, indptr));
    weights.push_back(Constant(name + "/bias", TF_FLOAT, {kWidth}, data.data()));
    weights.push_back(Constant(name + "/residual", TF_FLOAT, {0}, data.data()));
  }
  TF_OperationDescription* made = TF_NewOperation(graph_, type, name.c_str());
  TF_AddInput(made, x);
  for (const TF_Output& input : weights) TF_AddInput(made, input);
  if (sparse) {
    TF_SetAttrInt(made, "units", kWidth);
    TF_SetAttrString(made, "activation", "relu", 4);
    TF_SetAttrBool(made, "is_weight_const", 1);
  }
  TF_Operation* operation = TF_FinishOperation(made, status_);
  Check("making " + name);
  return {operation, 0};
}

}  // namespace tfsparse
