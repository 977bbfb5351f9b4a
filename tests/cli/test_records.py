"""Calibration data of TFRecord files: every kind of feature, and files that are none."""

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.models import export_int8
from tfsparse.cli import exit_codes
from tfsparse.cli.command import CommandError
from tfsparse.cli.records import is_records, read_records
from tfsparse.serving.signature import Spec


def spec(name, shape, dtype):
    return Spec(name, np.dtype(dtype), shape, f"{name}:0", tf.as_dtype(dtype).as_datatype_enum)


SPECS = {
    "image": spec("image", (None, 2, 3), "float32"),
    "words": spec("words", (None, None), "int32"),
    "raw": spec("raw", (None, 2), "float32"),
    "text": Spec("text", np.dtype(object), (None, 1), "text:0", tf.string.as_datatype_enum),
}


def example(number, **changes):
    floats = tf.train.Feature(float_list=tf.train.FloatList(value=np.arange(6) + number))
    words = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2, 3, number]))
    tensor = tf.io.serialize_tensor(np.float32([number, -number])).numpy()
    raw = tf.train.Feature(bytes_list=tf.train.BytesList(value=[tensor]))
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a film"]))
    feature = {"image": floats, "words": words, "raw": raw, "text": text} | changes
    feature = {name: value for name, value in feature.items() if value is not None}
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(path, records):
    compression = "GZIP" if str(path).endswith(".gz") else ""
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for record in records:
            writer.write(record)
    return str(path)


@pytest.mark.parametrize("name", ["data.tfrecord", "data.tfrecords.gz"])
def test_every_kind_of_feature(tmp_path, name):
    path = write(tmp_path / name, [example(number) for number in range(5)])
    assert is_records(path) and not is_records("data.npz")
    found = read_records(path, SPECS, 4)
    assert found["image"].shape == (4, 2, 3) and found["image"].dtype == np.float32
    assert found["image"][3].tolist() == [[3, 4, 5], [6, 7, 8]]
    assert found["words"].tolist()[2] == [1, 2, 3, 2] and found["words"].dtype == np.int32
    assert found["raw"].tolist()[1] == [1, -1]
    assert found["text"].tolist() == [[b"a film"]] * 4


ONE = tf.train.Feature(float_list=tf.train.FloatList(value=[1]))
BYTES = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"\xff\x00"]))
FLOATS = tf.train.Feature(float_list=tf.train.FloatList(value=[1.7, 2.0]))
HUGE = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2**40]))
TWO = tf.train.Feature(int64_list=tf.train.Int64List(value=[1, 2]))


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([example(0, image=None)], "feature for the input 'image'.*example 0 has .'raw', 'text'"),
        ([example(0), example(0, image=ONE)], r"shape \(2, 3\).*example 1 has 1 values"),
        ([example(0), example(0, words=TWO)], "examples of one shape"),
        (
            [example(0, words=FLOATS)],
            "integers of int32 for the input 'words'.*example 0 has floats",
        ),
        ([example(0), example(0, words=HUGE)], "integers of int32.*example 1 has integers that"),
        ([example(0, raw=BYTES)], "of which TensorFlow says"),
        ([b"\xff\xff"], "of which TensorFlow says"),
        ([], "of which TensorFlow says"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(tmp_path, records, message):
    path = write(tmp_path / "data.tfrecord", records)
    with pytest.raises(CommandError, match=f"--calibration should .*{message}") as caught:
        read_records(path, SPECS, 9)
    assert caught.value.code == exit_codes.REFUSED


@pytest.mark.parametrize(("values", "problem"), [([0, 1], None), ([0, 2], "bool.*does not hold")])
def test_truth_values_are_zeros_and_ones(tmp_path, values, problem):
    feature = tf.train.Feature(int64_list=tf.train.Int64List(value=values))
    path = write(tmp_path / "data.tfrecord", [example(0, flag=feature)])
    specs = {"flag": spec("flag", (None, 2), "bool")}
    if problem is None:
        assert read_records(path, specs, 1)["flag"].tolist() == [[False, True]]
    else:
        with pytest.raises(CommandError, match=problem):
            read_records(path, specs, 1)


@pytest.mark.parametrize("content", [None, b"no records at all, but long enough for a header"])
def test_files_that_are_none(tmp_path, content):
    path = tmp_path / "data.tfrecord"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CommandError, match="--calibration should be a TFRecord file"):
        read_records(str(path), SPECS, 9)


def test_a_conversion_is_calibrated_by_it(run_json, files, tmp_path):
    """With the same result as by the same data in the other format."""
    data = np.load(files / "data.npz")["x"]
    rows = [tf.train.FloatList(value=row) for row in data]
    feature = [tf.train.Feature(float_list=row) for row in rows]
    features = [tf.train.Features(feature={"x": each}) for each in feature]
    records = [tf.train.Example(features=each).SerializeToString() for each in features]
    path = write(tmp_path / "data.tfrecord", records)
    found = [
        run_json(
            *("convert", files / "sparse.keras", tmp_path / name, "--precision", "int8"),
            *("--verify", "--calibration", calibration),
        )
        for name, calibration in (("a", path), ("b", files / "data.npz"))
    ]
    assert [code for code, _ in found] == [0, 0]
    assert found[0][1]["agreement"] == found[1][1]["agreement"]


def test_exported_models_have_the_inputs_to_read(tmp_path):
    """As `Spec` of a real model is, not only of this file."""
    folder, _ = export_int8(tmp_path / "1")
    import tfsparse

    with tfsparse.load(folder) as model:
        (found,) = model.signature.inputs.values()
    row = tf.train.Feature(float_list=tf.train.FloatList(value=np.ones(found.shape[1])))
    record = tf.train.Example(features=tf.train.Features(feature={found.name: row}))
    path = write(tmp_path / "data.tfrecord", [record.SerializeToString()] * 2)
    assert read_records(path, {found.name: found}, 9)[found.name].shape == (2, found.shape[1])
