#include "custom_ops/conv/conv_geometry.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

ConvAxis Axis(int64_t size, int64_t kernel, int64_t stride = 1, int64_t dilation = 1) {
  ConvAxis axis;
  axis.size = size;
  axis.kernel = kernel;
  axis.stride = stride;
  axis.dilation = dilation;
  return axis;
}

ConvGeometry Geometry(const ConvAxis& height, const ConvAxis& width) {
  ConvGeometry geometry;
  geometry.batch = 2;
  geometry.height = height;
  geometry.width = width;
  geometry.channels = 4;
  geometry.filters = 6;
  return geometry;
}

// By counting the places where a kernel fits in.
TEST(ConvAxis, CountsPlaces) {
  for (int64_t size : {0, 1, 2, 7, 8}) {
    for (int64_t kernel : {1, 2, 3, 5}) {
      for (int64_t stride : {1, 2, 3}) {
        for (int64_t dilation : {1, 2}) {
          ConvAxis axis = Axis(size, kernel, stride, dilation);
          axis.before = 1;
          axis.after = 2;
          int64_t places = 0;
          for (int64_t at = -1; at + axis.reach() <= size + 2; at += stride) ++places;
          EXPECT_EQ(axis.out(), places) << size << " " << kernel << " " << stride;
        }
      }
    }
  }
}

// The result has ceil(size / stride) places, and no padding could be less or more even.
TEST(ConvAxis, PadsToSame) {
  for (int64_t size : {0, 1, 2, 7, 8, 15}) {
    for (int64_t kernel : {1, 2, 3, 4, 7}) {
      for (int64_t stride : {1, 2, 3, 9}) {
        ConvAxis axis = Axis(size, kernel, stride, 2);
        axis.PadToSame();
        const int64_t places = (size + stride - 1) / stride;
        EXPECT_EQ(axis.out(), places);
        EXPECT_TRUE(axis.after == axis.before || axis.after == axis.before + 1);
        if (axis.after > 0 && places > 0) {
          --axis.after;
          EXPECT_LT(axis.out(), places) << size << " " << kernel << " " << stride;
        }
      }
    }
  }
}

TEST(ConvGeometry, CountsInputsAndPixels) {
  ConvGeometry geometry = Geometry(Axis(9, 3, 2), Axis(8, 2));
  geometry.groups = 2;
  ASSERT_TRUE(Validate(geometry).ok());
  EXPECT_EQ(geometry.inputs(), 3 * 2 * 2);
  EXPECT_EQ(geometry.pixels(), 2 * 4 * 7);
}

TEST(ConvGeometry, RefusesWhatIsOutOfRange) {
  const ConvGeometry valid = Geometry(Axis(9, 3), Axis(8, 3));
  ASSERT_TRUE(Validate(valid).ok());
  for (ConvAxis ConvGeometry::* axis : {&ConvGeometry::height, &ConvGeometry::width}) {
    for (int64_t ConvAxis::* field : {&ConvAxis::kernel, &ConvAxis::stride, &ConvAxis::dilation,
                                      &ConvAxis::before, &ConvAxis::after}) {
      for (int64_t value :
           {int64_t{-1}, INT64_MIN, int64_t{1} << 31, int64_t{1} << 62, INT64_MAX}) {
        ConvGeometry geometry = valid;
        (geometry.*axis).*field = value;
        const Status status = Validate(geometry);
        EXPECT_NE(status.message().find(std::to_string(value)), std::string::npos)
            << status.message();
      }
    }
  }
}

TEST(ConvGeometry, RefusesProductsThatOverflow) {
  const int64_t max = INT32_MAX;
  ConvGeometry geometry = Geometry(Axis(max, max), Axis(max, max));
  geometry.channels = 16;
  EXPECT_NE(Validate(geometry).message().find("at most"), std::string::npos);
  geometry = Geometry(Axis(max, 1), Axis(max, 1));
  geometry.height.before = geometry.width.after = max;
  EXPECT_NE(Validate(geometry).message().find("64 bits"), std::string::npos);
  geometry = Geometry(Axis(max, max), Axis(max, max));
  geometry.batch = 1 << 10;
  geometry.channels = 0;
  EXPECT_NE(Validate(geometry).message().find("`x`"), std::string::npos);
}

TEST(ConvGeometry, HasNoPixelsBesideASizeOf0) {
  for (bool is_wide : {false, true}) {
    const ConvAxis none = Axis(0, 1), some = Axis(8, 1);
    ConvGeometry geometry = is_wide ? Geometry(none, some) : Geometry(some, none);
    geometry.batch = INT64_MAX;
    ASSERT_TRUE(Validate(geometry).ok());
    EXPECT_EQ(geometry.pixels(), 0);
  }
}

// A kernel without weights over padding is a few bytes in a file.
TEST(ConvGeometry, RefusesFiltersOfTooManyInputs) {
  ConvGeometry geometry = Geometry(Axis(5, 1 << 10), Axis(6, 1 << 10));
  geometry.height.before = geometry.width.before = 1 << 11;
  geometry.channels = 4;
  EXPECT_EQ(geometry.inputs(), kMaxInputs);
  EXPECT_TRUE(Validate(geometry).ok());
  ++geometry.width.kernel;
  EXPECT_NE(Validate(geometry).message().find("4194304 inputs"), std::string::npos);
}

TEST(ConvGeometry, RefusesGroupsThatDoNotDivide) {
  for (int64_t groups : {3, 4, 0, -2, 5}) {
    ConvGeometry geometry = Geometry(Axis(9, 3), Axis(8, 3));
    geometry.groups = groups;
    EXPECT_NE(Validate(geometry).message().find("`groups`"), std::string::npos) << groups;
  }
}

// (size - reach + stride) / stride, towards zero, is negative for TensorFlow.
TEST(ConvGeometry, RefusesSizesThatAreNegativeForTensorFlow) {
  EXPECT_FALSE(Validate(Geometry(Axis(2, 5), Axis(8, 3))).ok());
  EXPECT_FALSE(Validate(Geometry(Axis(8, 3), Axis(3, 5))).ok());
  for (const ConvAxis& axis : {Axis(4, 5), Axis(2, 5, 2), Axis(2, 5, 4)}) {
    const ConvGeometry geometry = Geometry(axis, Axis(8, 3));
    EXPECT_TRUE(Validate(geometry).ok());
    EXPECT_EQ(geometry.pixels(), 0);
  }
}

}  // namespace
}  // namespace tfsparse
