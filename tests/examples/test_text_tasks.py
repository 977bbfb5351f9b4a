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
    task = sst2(tmp_path, held_out=0)
    assert task.train == [(("a fine film",), 1), (("dull",), 0)]
    assert task.test == [(('so "bad"',), 0)]
    assert task.held_out == []


def test_a_sentence_is_held_out_with_every_phrase_in_it(tmp_path):
    sentences = {f"s{i}": [f"s{i} is a w{i}", f"is a w{i}", f"w{i}", f"s{i}"] for i in range(9)}
    lines = [f"{phrase} \t1" for phrases in sentences.values() for phrase in phrases]
    write(tmp_path / "sst2/train.tsv.gz", ["sentence\tlabel", *lines, "s \t0"])
    write(tmp_path / "sst2/dev.tsv.gz", ["sentence\tlabel", "dull\t0"])
    task = sst2(tmp_path, held_out=3)
    held_out = {texts[0] for texts, _ in task.held_out}
    whole = [name for name, phrases in sentences.items() if held_out & set(phrases)]
    assert len(whole) == 3
    assert held_out == {phrase for name in whole for phrase in sentences[name]}
    # "s" is no word of a sentence that is held out, though letters of one.
    assert (("s",), 0) in task.train
    assert len(task.train) + len(task.held_out) == len(lines) + 1
    assert sst2(tmp_path, held_out=3) == task


def test_reads_mrpc_with_its_quotes_and_mark(tmp_path):
    lines = ["\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String", '1\t7\t8\tHe "said\tShe "said so']
    for part in ("train", "test"):
        write(tmp_path / f"mrpc/msr_paraphrase_{part}.txt.gz", lines)
    assert mrpc(tmp_path).test == [(('He "said', 'She "said so'), 1)]


def test_every_fifth_pair_is_held_out(tmp_path):
    lines = [f"{i % 2}\t{i}\t{i}\tfirst {i}\tsecond {i}" for i in range(12)]
    for part in ("train", "test"):
        write(tmp_path / f"mrpc/msr_paraphrase_{part}.txt.gz", ["head", *lines])
    task = mrpc(tmp_path)
    assert [texts[0] for texts, _ in task.held_out] == ["first 0", "first 5", "first 10"]
    assert len(task.train) == 9 and not {*task.train} & {*task.held_out}
    assert len(task.test) == 12
    assert set(task.texts()) == {text for texts, _ in task.test for text in texts}


def test_absent_data_ends_with_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match=r"sst2/train.tsv.gz.*\n.*TFSPARSE_DATA"):
        sst2(tmp_path)
