#include "custom_ops/engine/layer_call.h"

#include <functional>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(CheckSizes, RefusesProductsBeyond64Bits) {
  LayerCall call;
  call.rows = int64_t{1} << 20;
  EXPECT_TRUE(CheckSizes(call, 1 << 20, 1 << 20).ok());
  EXPECT_TRUE(CheckSizes(call, 0, 1 << 20).ok());
  call.rows = int64_t{1} << 40;
  EXPECT_EQ(CheckSizes(call, 1 << 20, 1 << 20).message(),
            "4 x rows x inputs x outputs should fit in 64 bits. Received: 4 x 1099511627776 x "
            "1048576 x 1048576");
}

// No inputs are no work, but each row of y has its outputs.
TEST(CheckSizes, RefusesBytesOfYBeyond64Bits) {
  LayerCall call;
  call.rows = int64_t{1} << 31;
  EXPECT_TRUE(CheckSizes(call, 0, int64_t{1} << 29).ok());
  EXPECT_FALSE(CheckSizes(call, 0, int64_t{1} << 30).ok());
  EXPECT_FALSE(CheckSizes(call, 1, int64_t{1} << 30).ok());
}

TEST(CheckQuantization, NamesWhatIsWrong) {
  const struct {
    std::function<void(LayerCall&, float*)> spoil;
    const char* message;
  } cases[] = {
      {[](LayerCall& c, float*) { c.quantization.x_scale = 0; }, "`x_scale`"},
      {[](LayerCall& c, float*) { c.quantization.x_scale = -1; }, "Received: -1"},
      {[](LayerCall& c, float*) { c.quantization.x_scale = kNan; }, "Received: nan"},
      {[](LayerCall& c, float*) { c.quantization.x_scale = 1e-45f; }, "`x_scale`"},
      {[](LayerCall& c, float*) { c.quantization.x_scale = 1e-45f; }, "at least 1.17549e-38"},
      {[](LayerCall& c, float*) { c.quantization.x_scale = 1e-45f; }, "computes with them as 0"},
      {[](LayerCall& c, float*) { c.quantization.x_scale = 1e-38f; }, "Received: 1e-38"},
      {[](LayerCall& c, float*) { c.quantization.y_scale = 1e-40f; }, "Received: 9.99995e-41"},
      {[](LayerCall& c, float*) { c.quantization.y_scale = -1e-40f; }, "Received: -9.99995e-41"},
      {[](LayerCall&, float* w) { w[1] = 1e-45f; }, "w_scale[1]=1.4013e-45"},
      {[](LayerCall&, float* w) { w[0] = 1e-38f; }, "at least 1.17549e-38"},
      {[](LayerCall& c, float*) { c.quantization.y_scale = kInf; }, "`y_scale`"},
      {[](LayerCall& c, float*) { c.quantization.x_zero_point = 256; }, "`x_zero_point`"},
      {[](LayerCall& c, float*) { c.quantization.y_zero_point = -1; }, "`y_zero_point`"},
      {[](LayerCall& c, float* w) {
         c.epilogue.residual.data = w, c.epilogue.residual.is_u8 = true,
         c.epilogue.residual.scale = 0;
       },
       "`residual_scale`"},
      {[](LayerCall& c, float* w) {
         c.epilogue.residual.data = w, c.epilogue.residual.is_u8 = true,
         c.epilogue.residual.zero_point = 256;
       },
       "`residual_zero_point`"},
      {[](LayerCall&, float* w) { w[1] = kNan; }, "w_scale[1]=nan"},
      {[](LayerCall&, float* w) { w[0] = 0; }, "w_scale[0]=0"},
      {[](LayerCall&, float* w) { w[1] = kInf; }, "w_scale[1]=inf"},
      {[](LayerCall& c, float*) {
         c.quantization.x_scale = 1e30f, c.quantization.y_scale = 1e-30f;
       },
       "y_scale=1e-30"},
      {[](LayerCall& c, float* w) { c.quantization.x_scale = 1e30f, w[1] = 1e30f; },
       "w_scale[1]=1e+30"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.message);
    float w_scale[2] = {1, 1};
    LayerCall call;
    call.quantization.w_scale = w_scale;
    EXPECT_TRUE(CheckQuantization(call, 2).ok());
    c.spoil(call, w_scale);
    const Status status = CheckQuantization(call, 2);
    EXPECT_FALSE(status.ok());
    EXPECT_NE(status.message().find(c.message), std::string::npos) << status.message();
  }
}

}  // namespace
}  // namespace tfsparse
