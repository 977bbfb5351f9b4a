import gzip
import json

import pytest
from support.answers import answer_scores, f1, normalized
from support.squad import FILE, learned, squad


def article(title, questions=1):
    paragraph = {
        "context": f"{title} is red. Sky is blue.",
        "qas": [
            {"question": f"What is {title}?", "answers": [{"text": "red", "answer_start": 7}]}
            for _ in range(questions)
        ],
    }
    return {"title": title, "paragraphs": [paragraph]}


@pytest.fixture
def root(tmp_path):
    path = tmp_path / FILE
    path.parent.mkdir()
    articles = [article(f"t{i:02}") for i in range(48)]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        json.dump({"data": articles[::-1]}, file)
    return tmp_path


def test_articles_are_on_one_side_alone_whatever_their_order(root):
    data = squad(root)
    parts = [{each.context for each in part} for part in (data.train, data.held_out, data.test)]
    assert [len(part) for part in parts] == [35, 3, 10]
    assert len(set.union(*parts)) == 48
    assert "t02 is red. Sky is blue." in parts[2] and "t03 is red. Sky is blue." in parts[1]


def test_a_question_has_its_answers_and_the_place_of_one(root):
    question = squad(root).train[0]
    assert question.text == "What is t00?" and question.answers == ("red",)
    assert question.context[slice(*question.answer)] == "red"


def test_what_most_people_gave_is_learned_if_its_place_is_sure():
    context = "In 1973 oil rose, and in October 1973 it was dear."

    def given(*texts):
        return [{"text": text, "answer_start": context.index(text)} for text in texts]

    def chosen(*texts):
        return context[slice(*learned(context, given(*texts)))]

    assert chosen("rose", "dear", "dear") == "dear"
    assert chosen("1973", "1973", "October 1973") == "October 1973"
    assert learned(context, given("1973")) == (3, 7)


def test_absent_data_ends_with_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match=r"squad/.*\n.*TFSPARSE_DATA"):
        squad(tmp_path)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("The  Cat!", "cat"),
        ("a U.S. dollar,", "us dollar"),
        ("theatre and an area", "theatre and area"),
        ("the", ""),
    ],
)
def test_answers_are_compared_without_case_punctuation_and_articles(answer, expected):
    assert normalized(answer) == expected


def test_f1_counts_each_word_as_often_as_both_have_it():
    assert f1("the red cat", "red cat") == 1.0
    assert f1("red red cat", "red dog") == pytest.approx(2 * 1 / 5)
    assert f1("blue", "red cat") == 0.0


def test_the_best_reference_counts():
    given = ["in October 1973", "blue", "the cat"]
    references = [("1973", "October 1973"), ("red",), ("Cat.", "dog")]
    found = answer_scores(given, references)
    assert found == {"exact_match": pytest.approx(1 / 3), "f1": pytest.approx((0.8 + 0 + 1) / 3)}
