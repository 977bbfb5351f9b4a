// What the library says of itself to a program that has loaded it, which finds the function by its
// name (dlsym): which models it runs, and which instructions it would run them with.
//
// A model says with which version of the ops it was exported (assets.extra/tfsparse.json). A
// library runs the models of its own version and of older ones down to the oldest. The version goes
// up by one whenever an op is added, or is changed so that an older library cannot run a new model;
// the oldest follows it where an op can no longer run what an older version has exported.

#include <string>

#include "custom_ops/base/cpu_features.h"
#include "custom_ops/engine/isa.h"

namespace tfsparse {
namespace {

constexpr int kOpsVersion = 2, kOldestOpsVersion = 1;

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return quoted + '"';
}

std::string Info() {
  std::string supported;
  for (const Isa isa : SupportedIsas(GetCpuFeatures())) {
    supported += (supported.empty() ? "" : ", ") + Quoted(IsaName(isa));
  }
  Isa chosen = Isa::kPortable;
  const Status status = ChooseIsa(&chosen);
  return "{\"version\": " + std::to_string(kOpsVersion) +
         ", \"oldest\": " + std::to_string(kOldestOpsVersion) +
         ", \"tensorflow\": " + Quoted(TFSPARSE_TENSORFLOW_VERSION) + ", \"supported\": [" +
         supported + "], \"isa\": " + (status.ok() ? Quoted(IsaName(chosen)) : "null") +
         ", \"problem\": " + Quoted(status.message()) + "}";
}

}  // namespace
}  // namespace tfsparse

// A JSON object: "version" and "oldest" of the ops, "tensorflow" that the library was built for,
// the instruction sets "supported" here, lowest first, the one that kernels use ("isa"; null where
// TFSPARSE_ISA names none of them, and "problem" says so). The text is the thread's until it asks
// again.
extern "C" __attribute__((visibility("default"))) const char* TfsparseLibraryInfo() {
  thread_local std::string info;
  info = tfsparse::Info();
  return info.c_str();
}
