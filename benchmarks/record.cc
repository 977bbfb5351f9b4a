#include "benchmarks/record.h"

#include <cstdio>

namespace tfsparse {

Record& Record::Add(const std::string& key, const std::string& text) {
  return AddValue(key, "\"" + text + "\"");
}

Record& Record::Add(const std::string& key, double number) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.6g", number);
  return AddValue(key, text);
}

Record& Record::AddValue(const std::string& key, const std::string& value) {
  json_ += (json_.empty() ? "\"" : ", \"") + key + "\": " + value;
  return *this;
}

Record Record::Read(const std::string& json) {
  Record record;
  record.json_ = json;
  return record;
}

bool WriteJson(const std::string& isa, const std::vector<Record>& records) {
  const std::string unfinished = isa + ".tmp";
  std::FILE* file = std::fopen(unfinished.c_str(), "w");
  if (file == nullptr) return false;
  const char* before = "[\n  {";
  for (const Record& record : records) {
    std::fprintf(file, "%s%s}", before, record.json().c_str());
    before = ",\n  {";
  }
  std::fputs(records.empty() ? "[]\n" : "\n]\n", file);
  const bool written = std::fclose(file) == 0;
  return written && std::rename(unfinished.c_str(), isa.c_str()) == 0;
}

}  // namespace tfsparse
