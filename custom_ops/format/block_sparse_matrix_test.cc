#include "custom_ops/format/block_sparse_matrix.h"

#include <functional>
#include <limits>
#include <string>

#include "custom_ops/format/random_matrix.h"
#include "gtest/gtest.h"

namespace tfsparse {
namespace {

using Matrix = RandomMatrix<float>;

// A dense 10 x 9 matrix in blocks of 4 x 2: three block rows of five blocks.
Matrix Good() { return Matrix(10, 9, 4, 2, /*sparsity=*/0, /*seed=*/1); }

TEST(Validate, AcceptsWhatIsRight) {
  EXPECT_TRUE(Validate(Good().view()).ok());
  EXPECT_TRUE(Validate(Matrix(1, 1, 64, 64, 0, 1).view()).ok());
  EXPECT_TRUE(Validate(Matrix(7, 5, 1, 1, 1, 1).view()).ok()) << "no blocks at all";
  EXPECT_TRUE(Validate(Matrix(3, 0, 2, 2, 0, 1).view()).ok()) << "no inputs";
}

struct Corruption {
  std::string name;
  std::function<void(Matrix&)> arrays;
  std::function<void(BlockSparseMatrix<float>&)> view;
  std::string message;
};

void Nothing(Matrix&) {}
void Same(BlockSparseMatrix<float>&) {}

class ValidateRefuses : public testing::TestWithParam<Corruption> {};

TEST_P(ValidateRefuses, WithTheValuesSeen) {
  Matrix matrix = Good();
  GetParam().arrays(matrix);
  BlockSparseMatrix<float> view = matrix.view();
  GetParam().view(view);
  const Status status = Validate(view);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find(GetParam().message), std::string::npos) << status.message();
}

INSTANTIATE_TEST_SUITE_P(
    All, ValidateRefuses,
    testing::Values(
        Corruption{"Outputs", Nothing, [](auto& v) { v.out = 0; }, "outputs=0"},
        Corruption{"Inputs", Nothing, [](auto& v) { v.in = int64_t{1} << 31; },
                   "inputs=2147483648"},
        Corruption{"BlockTooHigh", Nothing, [](auto& v) { v.block_out = 65; }, "Received: 65x2"},
        Corruption{"BlockOfNothing", Nothing, [](auto& v) { v.block_in = 0; }, "Received: 4x0"},
        Corruption{"TooManyBlocks", Nothing,
                   [](auto& v) { v.num_blocks = v.num_indices = int64_t{1} << 31; },
                   "Received: 2147483648"},
        Corruption{"IndicesTooShort", [](auto& m) { m.indices.pop_back(); }, Same,
                   "14 indices for 15 blocks"},
        Corruption{"IndptrTooLong", [](auto& m) { m.indptr.push_back(15); }, Same,
                   "ceil(10 outputs / 4) + 1 = 4 elements. Received: 5"},
        Corruption{"IndptrFirst", [](auto& m) { m.indptr[0] = 1; }, Same, "indptr[0]=1"},
        Corruption{"IndptrNegative", [](auto& m) { m.indptr[1] = -5; }, Same, "indptr[1]=-5"},
        Corruption{"IndptrFalls", [](auto& m) { m.indptr[1] = 11; }, Same,
                   "indptr[1]=11, indptr[2]=10"},
        Corruption{"IndptrHuge", [](auto& m) { m.indptr[2] = std::numeric_limits<int32_t>::max(); },
                   Same, "indptr[2]=2147483647, indptr[3]=15"},
        Corruption{"IndptrLast", [](auto& m) { m.indptr[3] = 16; }, Same,
                   "number of blocks, 15. Received: 16"},
        Corruption{"IndexNegative", [](auto& m) { m.indices[0] = -1; }, Same,
                   "[0, 5). Received: indices[0]=-1"},
        Corruption{"IndexTooLarge", [](auto& m) { m.indices[14] = 5; }, Same, "indices[14]=5"},
        Corruption{"IndexTwice", [](auto& m) { m.indices[7] = 1; }, Same,
                   "indices[7]=1 after 1 in block row 1"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tfsparse
