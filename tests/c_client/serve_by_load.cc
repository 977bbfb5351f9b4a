// Calls a model by examples/c_client/load.h, from two threads, for test_load.py. The arguments are
// the library, the folder and the rows; inputs are 0, 1/8, 2/8 and so on, again from 0 after 22/8.
// It prints the outputs' bytes in hexadecimal digits, or what went wrong.

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <future>
#include <string>
#include <vector>

#include "examples/c_client/load.h"

namespace {

void Print(const tfsparse::Arrays& arrays) {
  for (const auto& [name, array] : arrays) {
    std::printf("%s", name.c_str());
    for (const int64_t size : array.shape()) std::printf(" %d", static_cast<int>(size));
    const auto* bytes = reinterpret_cast<const unsigned char*>(array.data<float>());
    std::printf(" ");
    for (int64_t i = 0; i < 4 * array.size(); ++i) std::printf("%02x", bytes[i]);
    std::printf("\n");
  }
}

void PrintError(const std::function<void()>& call) {
  try {
    call();
  } catch (const std::exception& error) {
    std::printf("error: %s\n", error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const int64_t rows = std::atoi(argv[3]), features = std::atoi(argv[4]);
  PrintError([&] {
    const tfsparse::Model model = tfsparse::Load(argv[2], {argv[1], /*threads=*/1});
    const std::string name = model.inputs().begin()->first;
    std::vector<float> x(rows * features);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 23) / 8.0f;
    const tfsparse::Array array({rows, features}, x);
    auto other = std::async(std::launch::async,
                            [copy = model, name, array] { return copy({{name, array}}); });
    Print(model({{name, array}}));
    Print(other.get());
    PrintError([&] { model({}); });
    PrintError([&] { model({{name, array}, {"other", array}}); });
    PrintError([&] { model({{name, tfsparse::Array({1}, std::vector<int64_t>{1})}}); });
    PrintError([&] { model({{name, tfsparse::Array({1}, std::vector<float>{1})}}); });
    PrintError([&] { tfsparse::Array({2, 2}, x.data()).data<int32_t>(); });
    PrintError([&] { tfsparse::Array({5, -1}, x); });
    PrintError([&] { tfsparse::Load(argv[2], {"", 1, "none"}); });
  });
  return 0;
}
