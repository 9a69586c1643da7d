"""Orders between threads inside of kernels."""

import threading

import numpy as np
import pytest

from likezip.kernels.compiling import INSTRUCTIONS, compiled
from likezip.prior import lockstep

pytestmark = pytest.mark.skipif(not INSTRUCTIONS, reason="threads share only what dot products compute")

SIZE = 100


@compiled
def _lead(orders, found):
    for order in range(2000):
        lockstep.give(orders, order + 1)
        lockstep.wait_for_followers(orders, 0)
        for number in range(found.shape[0]):
            if found[number, 0] != order or found[number, order % SIZE] != order:
                return order
    return -1


@compiled
def _follow(orders, number, found):
    while True:
        order = lockstep.take(orders, number) - 1
        if order < 0:
            return
        for i in range(order % SIZE + 1):
            found[number, i] = order
        lockstep.report(orders, number)


@compiled
def _lead_two(orders, bytes_of, found):
    for turn in range(2000):
        lockstep.wait_for_followers(orders, 1)
        if turn >= 2 and found[turn % 2] != bytes_of[turn % 2] + 1:
            return turn
        bytes_of[turn % 2] = turn
        lockstep.give(orders, 1)
    return -1


@compiled
def _follow_two(orders, bytes_of, found):
    while lockstep.take(orders, 0):
        group = lockstep.taken(orders, 0) % 2
        found[group] = bytes_of[group] + 1
        lockstep.report(orders, 0)


def test_a_leader_may_be_an_order_ahead() -> None:
    orders, bytes_of, found = lockstep.order_counts(1), np.zeros(2, np.int64), np.zeros(2, np.int64)
    follower = threading.Thread(target=_follow_two, args=(orders, bytes_of, found))
    follower.start()
    assert _lead_two(orders, bytes_of, found) == -1
    lockstep.finish(orders)
    assert found.tolist() == [1999, 2000]
    lockstep.dismiss(orders)
    follower.join(20)
    assert not follower.is_alive()


@pytest.mark.slow
@pytest.mark.parametrize("followers", [1, 3])
def test_orders_are_carried_out_before_the_leader_goes_on(followers: int) -> None:
    orders, found = lockstep.order_counts(followers), np.full((followers, SIZE), -1)
    threads = [threading.Thread(target=_follow, args=(orders, number, found)) for number in range(followers)]
    for thread in threads:
        thread.start()
    assert _lead(orders, found) == -1
    assert all(thread.is_alive() for thread in threads)
    lockstep.dismiss(orders)
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_a_dismissal_is_heard_by_those_who_begin_later() -> None:
    orders = lockstep.order_counts(1)
    lockstep.dismiss(orders)
    lockstep.dismiss(orders)
    _follow(orders, 0, np.zeros((1, SIZE), np.int64))
