// Tfsparse>LookupInteraction: custom_ops/interaction/lookup_interaction.h. What a tensor's shape
// and type say is checked here, what its values are by the engine.

#include <string>
#include <vector>

#include "custom_ops/engine/isa.h"
#include "custom_ops/engine/quantization_checks.h"
#include "custom_ops/interaction/lookup_interaction.h"
#include "custom_ops/tf_ops/op_inputs.h"
#include "custom_ops/tf_ops/op_within_memory.h"
#include "custom_ops/tf_ops/output_buffers.h"
#include "custom_ops/tf_ops/registration.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace tfsparse {
namespace {

using ::tensorflow::DataType;
using ::tensorflow::DataTypeString;
using ::tensorflow::DEVICE_CPU;
using ::tensorflow::DT_BFLOAT16;
using ::tensorflow::DT_FLOAT;
using ::tensorflow::DT_INT64;
using ::tensorflow::DT_INT8;
using ::tensorflow::DT_UINT8;
using ::tensorflow::OpInputList;
using ::tensorflow::OpKernelConstruction;
using ::tensorflow::OpKernelContext;
using ::tensorflow::Tensor;
using ::tensorflow::TensorShape;
using ::tensorflow::shape_inference::DimensionHandle;
using ::tensorflow::shape_inference::InferenceContext;
using ::tensorflow::shape_inference::ShapeHandle;

DataType TypeOf(const std::vector<DataType>& tables) {
  return tables.empty() ? DT_FLOAT : tables.front();
}

absl::Status CheckTypes(const std::vector<DataType>& tables, const std::vector<DataType>& scales) {
  for (DataType each : tables) {
    if (each == TypeOf(tables)) continue;
    return ToAbsl(Status::Invalid("`tables` should have one type. Received: ",
                                  DataTypeString(TypeOf(tables)), " and ", DataTypeString(each)));
  }
  const size_t wanted = TypeOf(tables) == DT_INT8 ? tables.size() : 0;
  if (scales.size() == wanted) return absl::OkStatus();
  return ToAbsl(Status::Invalid("`table_scales` should be ", wanted,
                                " tensors: one per table of int8. Received: ", scales.size()));
}

// As the shape function and the kernel read them.
template <class Context>
absl::Status ReadPlan(Context* context, InteractionPlan* plan) {
  InteractionAttributes a;
  std::vector<DataType> tables, scales, ids, splits;
  TF_RETURN_IF_ERROR(context->GetAttr("Ttables", &tables));
  TF_RETURN_IF_ERROR(context->GetAttr("Tscales", &scales));
  TF_RETURN_IF_ERROR(context->GetAttr("Tids", &ids));
  TF_RETURN_IF_ERROR(context->GetAttr("Tsplits", &splits));
  TF_RETURN_IF_ERROR(CheckTypes(tables, scales));
  a.table_count = static_cast<int64_t>(tables.size());
  a.ids_count = static_cast<int64_t>(ids.size());
  a.splits_count = static_cast<int64_t>(splits.size());
  TF_RETURN_IF_ERROR(context->GetAttr("lookup_tables", &a.tables));
  TF_RETURN_IF_ERROR(context->GetAttr("lookup_ids", &a.ids));
  TF_RETURN_IF_ERROR(context->GetAttr("lookup_starts", &a.starts));
  TF_RETURN_IF_ERROR(context->GetAttr("lookup_sizes", &a.sizes));
  TF_RETURN_IF_ERROR(context->GetAttr("lookup_splits", &a.splits));
  TF_RETURN_IF_ERROR(context->GetAttr("id_offsets", &a.id_offsets));
  TF_RETURN_IF_ERROR(context->GetAttr("wraps_negative", &a.wraps_negative));
  TF_RETURN_IF_ERROR(context->GetAttr("combiners", &a.combiners));
  TF_RETURN_IF_ERROR(context->GetAttr("columns", &a.columns));
  return ToAbsl(InteractionPlan::Create(a, plan));
}

// Merges the first axis of a shape of known rank, if it has one, into *batch.
absl::Status MergeBatch(InferenceContext* c, ShapeHandle shape, int64_t more,
                        DimensionHandle* batch) {
  if (!c->RankKnown(shape)) return absl::OkStatus();
  DimensionHandle items = c->Dim(shape, 0);
  if (more != 0) TF_RETURN_IF_ERROR(c->Subtract(items, more, &items));
  return c->Merge(*batch, items, batch);
}

absl::Status FindBatch(InferenceContext* c, const InteractionPlan& plan, DimensionHandle* batch) {
  *batch = c->UnknownDim();
  const ShapeHandle dense = c->input(0);
  if (c->RankKnown(dense) && c->Rank(dense) == 2) {
    TF_RETURN_IF_ERROR(c->Merge(*batch, c->Dim(dense, 0), batch));
  }
  std::vector<ShapeHandle> ids, splits;
  TF_RETURN_IF_ERROR(c->input("ids", &ids));
  TF_RETURN_IF_ERROR(c->input("row_splits", &splits));
  for (ShapeHandle& each : ids) TF_RETURN_IF_ERROR(c->WithRankAtLeast(each, 1, &each));
  for (ShapeHandle& each : splits) TF_RETURN_IF_ERROR(c->WithRank(each, 1, &each));
  for (const Lookup& lookup : plan.lookups) {
    const bool has_splits = lookup.splits >= 0;
    TF_RETURN_IF_ERROR(MergeBatch(c, has_splits ? splits[lookup.splits] : ids[lookup.ids],
                                  has_splits ? 1 : 0, batch));
  }
  return absl::OkStatus();
}

// Of a feature, or -1 where it is not known.
int64_t WidthOf(InferenceContext* c, const InteractionPlan& plan,
                const std::vector<ShapeHandle>& tables, int64_t feature) {
  const ShapeHandle shape =
      feature == 0 ? c->input(0) : tables[static_cast<size_t>(plan.lookups[feature - 1].table)];
  if (!c->RankKnown(shape) || c->Rank(shape) != 2) return -1;
  return c->Value(c->Dim(shape, 1));
}

absl::Status InteractionShapeFunction(InferenceContext* c) {
  InteractionPlan plan;
  TF_RETURN_IF_ERROR(ReadPlan(c, &plan));
  ShapeHandle unused;
  for (const char* name : {"dense_scale", "dense_zero_point", "y_scale", "y_zero_point"}) {
    std::vector<ShapeHandle> scalar;
    TF_RETURN_IF_ERROR(c->input(name, &scalar));
    TF_RETURN_IF_ERROR(c->WithRank(scalar[0], 0, &unused));
  }
  TF_RETURN_IF_ERROR(c->WithRankAtLeast(c->input(0), 1, &unused));
  TF_RETURN_IF_ERROR(c->WithRankAtMost(c->input(0), 2, &unused));
  std::vector<ShapeHandle> tables;
  TF_RETURN_IF_ERROR(c->input("tables", &tables));
  for (ShapeHandle table : tables) TF_RETURN_IF_ERROR(c->WithRank(table, 2, &unused));
  DimensionHandle batch;
  TF_RETURN_IF_ERROR(FindBatch(c, plan, &batch));
  int64_t columns = 0;
  for (const InteractionSegment& segment : plan.segments) {
    const int64_t size = segment.kind == InteractionSegment::kCopy
                             ? WidthOf(c, plan, tables, segment.first)
                             : segment.size;
    if (size < 0 || __builtin_add_overflow(columns, size, &columns)) {
      c->set_output(0, c->Matrix(batch, c->UnknownDim()));
      return absl::OkStatus();
    }
  }
  c->set_output(0, c->Matrix(batch, columns));
  return absl::OkStatus();
}

TableType TableTypeOf(DataType type) {
  return type == DT_INT8       ? TableType::kS8
         : type == DT_BFLOAT16 ? TableType::kBf16
                               : TableType::kF32;
}

absl::Status ReadDense(const Tensor& dense, InteractionCall* call) {
  if (dense.dims() == 1 && dense.NumElements() == 0) return absl::OkStatus();
  TF_RETURN_IF_ERROR(CheckRank({"dense"}, dense, 2));
  call->has_dense = true;
  call->dense_is_u8 = dense.dtype() == DT_UINT8;
  call->dense = dense.data();
  call->dense_width = dense.dim_size(1);
  return absl::OkStatus();
}

absl::Status ReadTables(const OpInputList& tables, const OpInputList& scales,
                        InteractionCall* call) {
  call->tables.reserve(static_cast<size_t>(tables.size()));
  for (int t = 0; t < tables.size(); ++t) {
    TF_RETURN_IF_ERROR(CheckRank({"tables", t}, tables[t], 2));
    InteractionTable table;
    table.data = tables[t].data();
    table.rows = tables[t].dim_size(0);
    table.width = tables[t].dim_size(1);
    if (scales.size() > 0) {
      const Tensor& scale = scales[t];
      table.has_row_scales = scale.dims() > 0;
      if (table.has_row_scales && (scale.dims() > 1 || scale.NumElements() != table.rows)) {
        return ToAbsl(Status::Invalid("`table_scales[", t, "]` should have shape [] or [",
                                      table.rows,
                                      "]. Received: shape=", scale.shape().DebugString()));
      }
      table.scales = static_cast<const float*>(scale.data());
      if (!table.has_row_scales) {
        const std::string name = "table_scales[" + std::to_string(t) + "]";
        TF_RETURN_IF_ERROR(ToAbsl(CheckScale(name, *table.scales)));
      }
    }
    call->tables.push_back(table);
  }
  return absl::OkStatus();
}

InteractionInts IntsOf(const Tensor& tensor) {
  InteractionInts ints;
  ints.data = tensor.data();
  ints.is_64 = tensor.dtype() == DT_INT64;
  ints.size = tensor.NumElements();
  ints.items = tensor.dim_size(0);
  return ints;
}

absl::Status ReadInts(const OpInputList& ids, const OpInputList& splits, InteractionCall* call) {
  call->ids.reserve(static_cast<size_t>(ids.size()));
  for (int i = 0; i < ids.size(); ++i) {
    if (ids[i].dims() < 1) {
      return ToAbsl(
          Status::Invalid("`ids[", i, "]` should have rank 1 or more. Received: shape=[]"));
    }
    call->ids.push_back(IntsOf(ids[i]));
  }
  for (int i = 0; i < splits.size(); ++i) {
    TF_RETURN_IF_ERROR(CheckRank({"row_splits", i}, splits[i], 1));
    call->splits.push_back(IntsOf(splits[i]));
  }
  return absl::OkStatus();
}

// Of the dense vectors, or else of the first lookup.
absl::Status ReadBatch(const Tensor& dense, const InteractionPlan& plan, InteractionCall* call) {
  if (call->has_dense) {
    call->batch = dense.dim_size(0);
    return absl::OkStatus();
  }
  if (plan.lookups.empty()) {
    return ToAbsl(Status::Invalid(
        "`dense` should have rank 2 where there are no lookups. Received: shape=[0]"));
  }
  const Lookup& first = plan.lookups.front();
  call->batch =
      first.splits >= 0 ? call->splits[first.splits].size - 1 : call->ids[first.ids].items;
  if (call->batch >= 0) return absl::OkStatus();
  return ToAbsl(Status::Invalid("`row_splits[", first.splits,
                                "]` should have an element or more. Received: none"));
}

class LookupInteractionOp : public OpWithinMemory {
 public:
  explicit LookupInteractionOp(OpKernelConstruction* context) : OpWithinMemory(context) {
    OP_REQUIRES_OK(context, ReadPlan(context, &plan_));
    OP_REQUIRES_OK(context, ToAbsl(ChooseIsa(&isa_)));
    std::vector<DataType> tables;
    OP_REQUIRES_OK(context, context->GetAttr("Ttables", &tables));
    type_ = TableTypeOf(TypeOf(tables));
  }

 private:
  std::string Needs(OpKernelContext* context) const override {
    return "an item's features. Received: `dense` of shape " +
           context->input(0).shape().DebugString();
  }

  absl::Status TryCompute(OpKernelContext* context) override {
    InteractionCall call;
    TF_RETURN_IF_ERROR(FillInputs(context, &call));
    InteractionShape shape;
    TF_RETURN_IF_ERROR(ToAbsl(ShapeInteraction(plan_, call, &shape)));
    TensorShape y_shape;
    TF_RETURN_IF_ERROR(y_shape.AddDimWithStatus(call.batch));
    TF_RETURN_IF_ERROR(y_shape.AddDimWithStatus(shape.columns));
    Tensor* y = nullptr;
    TF_RETURN_IF_ERROR(AllocateOutput(context, 0, y_shape, &y));
    call.y = y->data();
    call.y_is_u8 = y->dtype() == DT_UINT8;
    return ToAbsl(RunInteraction(plan_, call, shape, isa_, IntraOpThreads(context)));
  }

  absl::Status FillInputs(OpKernelContext* context, InteractionCall* call) const {
    OpInputList tables, scales, ids, splits;
    TF_RETURN_IF_ERROR(context->input_list("tables", &tables));
    TF_RETURN_IF_ERROR(context->input_list("table_scales", &scales));
    TF_RETURN_IF_ERROR(context->input_list("ids", &ids));
    TF_RETURN_IF_ERROR(context->input_list("row_splits", &splits));
    TF_RETURN_IF_ERROR(ReadScalar(context, "dense_scale", &call->dense_scale));
    TF_RETURN_IF_ERROR(ReadScalar(context, "dense_zero_point", &call->dense_zero_point));
    TF_RETURN_IF_ERROR(ReadScalar(context, "y_scale", &call->y_scale));
    TF_RETURN_IF_ERROR(ReadScalar(context, "y_zero_point", &call->y_zero_point));
    call->type = type_;
    TF_RETURN_IF_ERROR(ReadDense(context->input(0), call));
    TF_RETURN_IF_ERROR(ReadTables(tables, scales, call));
    TF_RETURN_IF_ERROR(ReadInts(ids, splits, call));
    return ReadBatch(context->input(0), plan_, call);
  }

  InteractionPlan plan_;
  TableType type_ = TableType::kF32;
  Isa isa_ = Isa::kPortable;
};

}  // namespace

void RegisterLookupInteraction() {
  REGISTER_OP("Tfsparse>LookupInteraction")
      .Input("dense: Tdense")
      .Input("dense_scale: float")
      .Input("dense_zero_point: int32")
      .Input("tables: Ttables")
      .Input("table_scales: Tscales")
      .Input("ids: Tids")
      .Input("row_splits: Tsplits")
      .Input("y_scale: float")
      .Input("y_zero_point: int32")
      .Output("y: Tout")
      .Attr("Tdense: {float, uint8} = DT_FLOAT")
      .Attr("Ttables: list({float, bfloat16, int8}) >= 0 = []")
      .Attr("Tscales: list({float}) >= 0 = []")
      .Attr("Tids: list({int32, int64}) >= 0 = []")
      .Attr("Tsplits: list({int32, int64}) >= 0 = []")
      .Attr("Tout: {float, uint8} = DT_FLOAT")
      .Attr("lookup_tables: list(int)")
      .Attr("lookup_ids: list(int)")
      .Attr("lookup_starts: list(int) = []")
      .Attr("lookup_sizes: list(int) = []")
      .Attr("lookup_splits: list(int) = []")
      .Attr("id_offsets: list(int) = []")
      .Attr("wraps_negative: list(bool) = []")
      .Attr("combiners: list({'sum', 'mean', 'sqrtn'}) = []")
      .Attr("columns: list(int)")
      .SetShapeFn(InteractionShapeFunction)
      .Doc(R"doc(
Looks up embeddings, and concatenates them, their dot products and those with a dense vector.

Feature 0 is the dense vector, feature 1 + l is lookup l: a row of its table, or the sum of a bag of
rows. Dots are of floats; of bfloat16 values, added up in float; or, where tables are int8, of
integers. Then a float dense vector and the sums of bags are quantized by max|x| / 127 each.

dense: [B, D], or [0] for none.
dense_scale: Finite and positive; used if dense is uint8.
dense_zero_point: In [0, 255]; used if dense is uint8.
tables: [rows, D] each, of one type. int8 means scale * q.
table_scales: [rows] or [] for each table of int8; else none. Those of rows are taken as they are.
ids: [B, ...] each; or all ids of all bags, one behind the other, where row_splits are used.
row_splits: [B + 1] each: bag b has the ids from row_splits[b] to row_splits[b + 1].
y_scale: Finite and positive; used if y is uint8.
y_zero_point: In [0, 255]; used if y is uint8.
y: [B, columns]; uint8 is round(y / y_scale) + y_zero_point in [0, 255], half to even.
lookup_tables: The table of each lookup.
lookup_ids: The ids of each lookup.
lookup_starts: The first column of the ids that a lookup reads; 0 if empty.
lookup_sizes: How many columns, -1 for all from there on; 1 if empty.
lookup_splits: The row_splits of each lookup, or -1, for which starts and sizes count; -1 if empty.
id_offsets: Added to the ids of each lookup; 0 if empty.
wraps_negative: Whether negative ids count from the end of the table; false if empty.
combiners: How bags are summed up; 'sum' if empty. A bag of nothing gives 0.
columns: Pairs. (i, j): the dot of features i and j. (i, -1): feature i as it is. (-1, -1): a zero.
)doc");
  REGISTER_KERNEL_BUILDER(Name("Tfsparse>LookupInteraction").Device(DEVICE_CPU),
                          LookupInteractionOp);
}

}  // namespace tfsparse
