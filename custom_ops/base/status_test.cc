#include "custom_ops/base/status.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

TEST(Status, IsOkUntilItHasAMessage) {
  EXPECT_TRUE(Status().ok());
  const Status status = Status::Invalid("`n` should be positive. Received: ", -3);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "`n` should be positive. Received: -3");
}

}  // namespace
}  // namespace tfsparse
