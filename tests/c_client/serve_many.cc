// Serves many models in one process, since a process takes longer to start than a model to serve:
//
//   serve_many LIBRARY CALLS
//
// A line of the file CALLS is a model to load and call once, six words with tabs between them:
//
//   folder   input   output   shape   file with x   file for y
//
// Prints, a line each, the number of a call before it is begun, and what came of it when it has
// ended: what an error says, or y's dtype and shape. So whatever ends the process, the last number
// says which model did.
//
//   0
//   dtype 1 shape 3 5
//   1
//   error running the model: code 3: ...

#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "examples/c_client/served_model.h"

namespace {

std::string Serve(const std::string& call) {
  std::istringstream words(call);
  std::string folder, input, output, shape, x_file, y_file;
  for (std::string* word : {&folder, &input, &output, &shape, &x_file, &y_file}) {
    std::getline(words, *word, '\t');
  }
  const ServedModel model(folder, input, output);
  const Tensor x = model.Read(x_file, ParseShape(shape));
  const Tensor y = model.Run(x.get());
  WriteTensor(y_file, y.get());
  return Describe(y.get());
}

// An error's message may have several lines.
std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

int main(int, char** arguments) {
  const Library library = LoadLibrary(arguments[1]);
  std::ifstream calls(arguments[2]);
  std::string call;
  for (int number = 0; std::getline(calls, call); ++number) {
    std::cout << number << std::endl;
    try {
      std::cout << Serve(call) << std::endl;
    } catch (const std::exception& error) {
      std::cout << "error " << OneLine(error.what()) << std::endl;
    }
  }
  return 0;
}
