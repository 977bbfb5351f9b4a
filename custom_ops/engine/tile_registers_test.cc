#include "custom_ops/engine/tile_registers.h"

#include "gtest/gtest.h"

namespace tfsparse {
namespace {

int begun = 0, ended = 0;

TileFunctions Counted() {
  begun = ended = 0;
  TileFunctions functions = {};
  functions.begin = [] { ++begun; };
  functions.end = [] { ++ended; };
  return functions;
}

TEST(TileRegisters, AreSetUpOnceForSeveralLayersAndGivenBack) {
  const TileFunctions functions = Counted();
  {
    TileRegisters registers;
    for (int layer = 0; layer < 3; ++layer) registers.SetUpFor(functions);
    EXPECT_EQ(begun, 1);
    EXPECT_EQ(ended, 0);
  }
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(ended, 1);
}

TEST(TileRegisters, AreLeftAloneWhereNoLayerNeedsThem) {
  Counted();
  {
    TileRegisters registers;
    registers.SetUpFor(TileFunctions{});
  }
  EXPECT_EQ(begun + ended, 0);
}

TEST(TileRegisters, AreSetUpForALaterLayer) {
  const TileFunctions functions = Counted();
  {
    TileRegisters registers;
    registers.SetUpFor(TileFunctions{});
    registers.SetUpFor(functions);
  }
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace tfsparse
