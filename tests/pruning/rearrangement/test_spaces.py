import numpy as np
import pytest
import tensorflow as tf

from tfsparse.pruning.rearrangement.spaces import Space, Use, fix, join, places, rearranged


def orders(**by_name):
    return {id(space.root): np.array(order) for space, order in by_name.values()}


def test_joined_spaces_are_one():
    one, two, three = Space(4), Space(4, "seen outside"), Space(4)
    one.join(three)
    one.join(two)
    assert one.root is two.root is three.root
    assert one.root.reason == "seen outside"
    three.fix("later")
    assert one.root.reason == "seen outside"


def test_axes_of_other_parts_are_fixed():
    axes = (Space(2), Space(4)), (Space(4), Space(2))
    join(*axes, "mixed")
    assert [space.root.reason for axis in axes for space in axis] == ["mixed"] * 4
    assert axes[0][0].root is not axes[1][1].root
    alone = (Space(2), Space(3))
    fix(alone, "no")
    assert [space.reason for space in alone] == ["no", "no"]


def test_places_of_spaces_side_by_side():
    moved, still = Space(2), Space(3)
    found = places((moved, still, moved), orders(moved=(moved, [1, 0])))
    assert found.tolist() == [1, 0, 2, 3, 4, 6, 5]


def test_a_variable_is_rearranged_along_all_its_axes():
    rows, columns, other = Space(2), Space(3), Space(3)
    kernel, bias = tf.Variable([[1, 2, 3], [4, 5, 6]]), tf.Variable([7, 8, 9])
    uses = [Use(kernel, 0, (rows,)), Use(kernel, 1, (columns,)), Use(bias, 0, (other,))]
    new = orders(rows=(rows, [1, 0]), columns=(columns, [2, 0, 1]))
    ((variable, value),) = rearranged(uses, new)
    assert variable is kernel and value.tolist() == [[6, 4, 5], [3, 1, 2]]
    assert rearranged(uses, {}) == []
    assert pytest.approx(bias.numpy()) == [7, 8, 9]
