import gzip

import numpy as np
import pytest
from support.text_tasks import Encoded, mrpc, sst2


def texts(count=37):
    random = np.random.default_rng(0)
    tokens = [[int(i) + 1] * int(random.integers(1, 9)) for i in range(count)]
    return Encoded(tokens, [[0] * len(t) for t in tokens], np.arange(count, dtype=np.int32))


def seen(dataset):
    return [(features["tokens"], labels) for features, labels in dataset.as_numpy_iterator()]


def test_an_epoch_has_every_text_once_with_its_label():
    dataset = texts().batches(5, seed=0)
    batches = seen(dataset)
    assert len(batches) == int(dataset.cardinality()) == 8
    assert sorted(np.concatenate([labels for _, labels in batches])) == list(range(37))
    for tokens, labels in batches:
        assert (tokens[:, 0] == labels + 1).all()


def test_what_pads_is_zero_and_no_longer_than_needed():
    encoded = texts()
    for tokens, labels in seen(encoded.batches(5, seed=0)):
        lengths = [len(encoded.tokens[label]) for label in labels]
        assert tokens.shape[1] == max(lengths)
        assert [np.count_nonzero(row) for row in tokens] == lengths


def test_epochs_differ_and_seeds_repeat():
    first, again = texts().batches(5, seed=1), texts().batches(5, seed=1)
    order = [[list(labels) for _, labels in seen(d)] for d in (first, first, again)]
    assert order[0] != order[1]
    assert order[0] == order[2]


def test_without_a_seed_the_order_stays():
    labels = [labels for _, labels in seen(texts().batches(5))]
    assert list(np.concatenate(labels)) == list(range(37))


def write(path, lines):
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def test_reads_sst2(tmp_path):
    write(tmp_path / "sst2/train.tsv.gz", ["sentence\tlabel", "a fine film \t1", "dull \t0"])
    write(tmp_path / "sst2/dev.tsv.gz", ["sentence\tlabel", 'so "bad"\t0'])
    task = sst2(tmp_path)
    assert task.train == [(("a fine film",), 1), (("dull",), 0)]
    assert task.test == [(('so "bad"',), 0)]


def test_reads_mrpc_with_its_quotes_and_mark(tmp_path):
    lines = ["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", '1\t7\t8\tHe "said\tShe "said so']
    for part in ("train", "test"):
        write(tmp_path / f"mrpc/msr_paraphrase_{part}.txt.gz", lines)
    assert mrpc(tmp_path).test == [(('He "said', 'She "said so'), 1)]


def test_absent_data_ends_with_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match=r"sst2/train.tsv.gz.*\n.*TFSPARSE_DATA"):
        sst2(tmp_path)
