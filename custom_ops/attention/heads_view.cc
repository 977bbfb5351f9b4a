#include "custom_ops/attention/heads_view.h"

namespace tfsparse {
namespace {

std::string Text(const std::vector<int64_t>& sizes) {
  std::string text;
  for (int64_t size : sizes) text += (text.empty() ? "" : ",") + std::to_string(size);
  return "[" + text + "]";
}

// Channels behind the last one of the last head; below 0 where they do not fit in 64 bits.
int64_t EndOf(const HeadsSpec& spec) {
  const int64_t offset = spec.channels.empty() ? 0 : spec.channels[0];
  const int64_t stride = spec.channels.empty() ? spec.size : spec.channels[1];
  int64_t end;
  if (__builtin_mul_overflow(spec.heads - 1, stride, &end) ||
      __builtin_add_overflow(end, spec.size, &end) || __builtin_add_overflow(end, offset, &end)) {
    return -1;
  }
  return end;
}

Status WrongShape(const HeadsSpec& spec, const std::string& wanted,
                  const std::vector<int64_t>& shape) {
  return Status::Invalid("`", spec.name, "` should have the shape ", wanted,
                         ". Received: shape=", Text(shape));
}

// -1 where a factor is unknown. What overflows belongs to no tensor that exists: unknown as well.
int64_t Product(int64_t a, int64_t b) {
  int64_t product;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) return -1;
  return product;
}

bool IsNot(int64_t size, int64_t wanted) { return size >= 0 && size != wanted; }

Status ViewHeadsFirst(const HeadsSpec& spec, const std::vector<int64_t>& shape, int64_t* batch,
                      int64_t* tokens, HeadsView* view) {
  if (shape.size() != 4 || IsNot(shape[1], spec.heads) || IsNot(shape[3], spec.size)) {
    return WrongShape(
        spec, "[B, " + std::to_string(spec.heads) + ", T, " + std::to_string(spec.size) + "]",
        shape);
  }
  *batch = shape[0];
  *tokens = shape[2];
  view->offset = 0;
  view->token = spec.size;
  view->head = Product(*tokens, spec.size);
  view->batch = Product(view->head, spec.heads);
  return {};
}

}  // namespace

Status ValidateSpec(const HeadsSpec& spec) {
  if (spec.heads < 1 || spec.size < 1) {
    return Status::Invalid("`", spec.name, "` should have at least one head of at least one ",
                           "channel. Received: ", spec.heads, " heads of ", spec.size);
  }
  if (!spec.channels.empty()) {
    if (spec.channels.size() != 2 || spec.heads_first) {
      return Status::Invalid("`", spec.name, "_view` should be empty, or an offset and a stride ",
                             "of heads in layout BTHD. Received: ", Text(spec.channels),
                             spec.heads_first ? " in layout BHTD" : "");
    }
    if (spec.channels[0] < 0 || spec.channels[1] < spec.size) {
      return Status::Invalid("`", spec.name, "_view` should have an offset of at least 0 and a ",
                             "stride of at least a head's size, ", spec.size,
                             ". Received: ", Text(spec.channels));
    }
  }
  if (EndOf(spec) >= 0) return {};
  return Status::Invalid("The channels of `", spec.name,
                         "` should fit in 64 bits. Received: ", spec.heads, " heads of ",
                         spec.size);
}

Status ViewHeads(const HeadsSpec& spec, const std::vector<int64_t>& shape, int64_t* batch,
                 int64_t* tokens, HeadsView* view) {
  if (spec.heads_first) return ViewHeadsFirst(spec, shape, batch, tokens, view);
  if (shape.size() < 3) return WrongShape(spec, "[B, T, channels ...]", shape);
  int64_t channels = 1;
  for (size_t i = 2; i < shape.size(); ++i) channels = Product(channels, shape[i]);
  const int64_t end = EndOf(spec);
  if (channels >= 0 && (spec.channels.empty() ? channels != end : channels < end)) {
    return WrongShape(spec,
                      "[B, T, channels ...] of " + std::string(spec.channels.empty() ? "" : ">= ") +
                          std::to_string(end) + " channels",
                      shape);
  }
  *batch = shape[0];
  *tokens = shape[1];
  view->offset = spec.channels.empty() ? 0 : spec.channels[0];
  view->head = spec.channels.empty() ? spec.size : spec.channels[1];
  view->token = channels;
  view->batch = Product(channels, *tokens);
  return {};
}

}  // namespace tfsparse
