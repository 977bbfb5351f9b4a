#ifndef TFSPARSE_BENCHMARKS_RECORD_H_
#define TFSPARSE_BENCHMARKS_RECORD_H_

#include <string>
#include <vector>

namespace tfsparse {

// One line of a table, as an object of JSON. Keys and texts hold nothing that JSON escapes.
class Record {
 public:
  Record& Add(const std::string& key, const std::string& text);
  Record& Add(const std::string& key, double number);

  // Of what json() gave, in another program.
  static Record Read(const std::string& json);

  const std::string& json() const { return json_; }  // without braces

 private:
  Record& AddValue(const std::string& key, const std::string& value);

  std::string json_;
};

// Writes a list of them beside its final name first, so that a reader never sees half a file.
// Returns whether that went well.
bool WriteJson(const std::string& isa, const std::vector<Record>& records);

}  // namespace tfsparse

#endif  // TFSPARSE_BENCHMARKS_RECORD_H_
