#ifndef TFSPARSE_CUSTOM_OPS_BASE_STATUS_H_
#define TFSPARSE_CUSTOM_OPS_BASE_STATUS_H_

#include <sstream>
#include <string>
#include <utility>

namespace tfsparse {

// Success, or what was wrong with an argument. Everything below the TensorFlow
// op can fail in this one way only, so there is no error code; the op turns a
// failure into InvalidArgument.
class [[nodiscard]] Status {
 public:
  Status() = default;

  // The pieces are streamed one after another into the message.
  template <typename... Pieces>
  static Status Invalid(const Pieces&... pieces) {
    std::ostringstream message;
    (message << ... << pieces);
    Status status;
    status.message_ = message.str();
    return status;
  }

  bool ok() const { return message_.empty(); }
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

}  // namespace tfsparse

#endif  // TFSPARSE_CUSTOM_OPS_BASE_STATUS_H_
