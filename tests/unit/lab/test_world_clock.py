# Copyright (c) 2026 the mailops.exchange contributors
# GNU General Public License v3.0+ (see LICENSES or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailops.exchange.lab.clock import Clock
from ansible_collections.mailops.exchange.lab.errors import ProcessEnded

START = 1000.0


def test_events_run_at_their_own_time_and_in_the_order_of_their_making() -> None:
    clock = Clock(0, START)
    seen: list[tuple[str, float]] = []
    clock.after(5, lambda: seen.append(("late", clock.now())))
    clock.after(2, lambda: seen.append(("first of two", clock.now())))
    clock.after(2, lambda: seen.append(("second of two", clock.now())))
    clock.sleep(10)
    assert seen == [("first of two", 1002), ("second of two", 1002), ("late", 1005)]
    assert clock.now() == 1010


@given(st.lists(st.floats(0, 100), max_size=30))
def test_any_events_come_in_order_of_time_then_of_making(delays: list[float]) -> None:
    clock = Clock(0, START)
    seen: list[tuple[float, int]] = []
    for index, delay in enumerate(delays):
        clock.after(delay, lambda index=index: seen.append((clock.now(), index)))
    clock.sleep(200)
    assert seen == sorted(seen)
    assert len(seen) == len(delays)


def test_a_cancelled_event_does_not_run() -> None:
    clock = Clock(0, START)
    seen: list[int] = []
    clock.after(1, lambda: seen.append(1)).cancel()
    clock.after(2, lambda: seen.append(2))
    clock.sleep(3)
    assert seen == [2]


def test_nothing_happens_until_somebody_asks_for_the_time() -> None:
    clock = Clock(100_000, START)
    seen: list[float] = []
    clock.after(50, lambda: seen.append(clock.now()))
    time.sleep(0.01)
    assert seen == []
    assert clock.now() > 1050
    assert seen == [1050]


def test_wait_until_ends_at_the_very_event_that_makes_it_true() -> None:
    clock = Clock(0, START)
    state = {"value": 0}
    for number in range(1, 6):
        clock.after(number * 10, lambda number=number: state.update(value=number))
    assert clock.wait_until(lambda: state["value"] == 3, 1000)
    assert clock.now() == 1030


@pytest.mark.parametrize("speed", [0, 1_000_000])
def test_wait_until_is_bounded_in_simulated_time(speed: float) -> None:
    clock = Clock(speed, START)
    assert not clock.wait_until(lambda: False, 100)
    assert clock.now() >= 1100


def test_waiting_at_speed_lets_other_threads_have_the_world() -> None:
    clock = Clock(1000, START)
    state = {"set": False}

    def other() -> None:
        with clock.lock:
            state["set"] = True
            clock.lock.notify_all()

    with clock.lock:
        thread = threading.Thread(target=other)
        thread.start()
        assert clock.wait_until(lambda: state["set"], 10_000)
    thread.join()


def test_jump_goes_to_the_next_event_or_a_minute_on() -> None:
    clock = Clock(0, START)
    seen: list[float] = []
    clock.after(200, lambda: seen.append(clock.now()))
    clock.jump()
    assert (seen, clock.now()) == ([1200], 1200)
    clock.jump()
    assert clock.now() == 1260


def test_an_event_cannot_wait() -> None:
    clock = Clock(0, START)
    clock.after(1, lambda: clock.sleep(5))
    with pytest.raises(RuntimeError):
        clock.sleep(2)


def test_a_background_program_lets_no_time_pass_by_itself() -> None:
    clock = Clock(0, START)
    seen: list[tuple[str, float]] = []

    def program() -> None:
        seen.append(("begun", clock.now()))
        clock.sleep(600)
        seen.append(("woken", clock.now()))

    clock.spawn(program)
    assert seen == []
    clock.sleep(10)
    assert seen == [("begun", 1000)]
    assert clock.now() == 1010
    clock.sleep(1000)
    assert seen[1] == ("woken", 1600)


def test_background_programs_run_one_at_a_time_in_the_order_of_their_events() -> None:
    clock = Clock(0, START)
    seen: list[str] = []

    def program(name: str) -> None:
        for number in range(3):
            seen.append(f"{name}{number}")
            clock.sleep(1)

    clock.spawn(lambda: program("a"))
    clock.spawn(lambda: program("b"))
    clock.sleep(10)
    assert seen == ["a0", "b0", "a1", "b1", "a2", "b2"]


def test_a_background_program_may_take_the_lock_again() -> None:
    clock = Clock(0, START)
    seen: list[float] = []

    def program() -> None:
        with clock.lock:
            with clock.lock:
                clock.sleep(3)
            seen.append(clock.now())

    clock.spawn(program)
    with clock.lock:
        clock.sleep(5)
    assert seen == [1003]


def test_a_background_condition_is_met_at_the_event_that_makes_it_true() -> None:
    clock = Clock(0, START)
    state = {"ready": False}
    seen: list[tuple[bool, float]] = []
    clock.spawn(lambda: seen.append((clock.wait_until(lambda: state["ready"], 500), clock.now())))
    clock.after(42, lambda: state.update(ready=True))
    clock.sleep(100)
    assert seen == [(True, 1042)]


def test_a_background_condition_has_its_deadline() -> None:
    clock = Clock(0, START)
    seen: list[tuple[bool, float]] = []
    clock.spawn(lambda: seen.append((clock.wait_until(lambda: False, 50), clock.now())))
    clock.sleep(100)
    assert seen == [(False, 1050)]


def test_killing_a_background_program_ends_it_where_it_waits() -> None:
    clock = Clock(0, START)
    seen: list[str] = []

    def program() -> None:
        try:
            clock.sleep_for_ever()
        except ProcessEnded as ended:
            seen.append(str(ended))
            raise
        seen.append("went on")

    background = clock.spawn(program)
    clock.sleep(1)
    background.kill("the host is down")
    assert seen == ["the host is down"]
    assert background.done


def test_a_program_that_was_ended_before_it_began_never_runs() -> None:
    clock = Clock(0, START)
    seen: list[int] = []
    clock.spawn(lambda: seen.append(1)).kill("too late")
    clock.sleep(5)
    assert seen == []


def test_a_program_that_ends_itself_is_stopped_at_its_next_wait() -> None:
    clock = Clock(0, START)
    seen: list[str] = []

    def program() -> None:
        background.kill("itself")
        seen.append("still here")
        clock.sleep(1)
        seen.append("not here")

    background = clock.spawn(program)
    clock.sleep(10)
    assert seen == ["still here"]


def test_one_background_program_can_end_another() -> None:
    clock = Clock(0, START)
    seen: list[str] = []

    def victim() -> None:
        try:
            clock.sleep(100)
        finally:
            seen.append("victim")

    first = clock.spawn(victim)

    def killer() -> None:
        clock.sleep(1)
        first.kill("killed")
        seen.append("killer")
        clock.sleep(1)
        seen.append("goes on")

    clock.spawn(killer)
    clock.sleep(10)
    assert seen == ["victim", "killer", "goes on"]


def test_a_mistake_in_a_background_program_is_seen() -> None:
    clock = Clock(0, START)
    clock.spawn(lambda: {}["missing"])
    with pytest.raises(KeyError):
        clock.sleep(1)
    clock.sleep(1)
    assert clock.now() == 1001


def test_a_foreground_call_cannot_wait_for_ever() -> None:
    with pytest.raises(RuntimeError):
        Clock(0, START).sleep_for_ever()


def test_the_lock_stays_with_its_owner_while_a_background_program_runs() -> None:
    clock = Clock(0, START)
    entered = threading.Event()
    inside: list[bool] = []

    def intruder() -> None:
        with clock.lock:
            entered.set()

    def program() -> None:
        time.sleep(0.05)
        inside.append(entered.is_set())

    clock.spawn(program)
    with clock.lock:
        thread = threading.Thread(target=intruder)
        thread.start()
        clock.sleep(1)
        inside.append(entered.is_set())
    thread.join(5)
    assert inside == [False, False]
    assert entered.is_set()


def test_a_flow_waits_for_another_and_a_cancelled_one_ends_where_it_stands() -> None:
    clock = Clock(0, START)
    seen: list[tuple[str, float]] = []

    def inner():
        yield 5.0
        seen.append(("inner", clock.now()))

    def outer():
        yield clock.flow(inner())
        seen.append(("outer", clock.now()))
        yield 100.0
        seen.append(("never", clock.now()))

    flow = clock.flow(outer())
    clock.sleep(20)
    flow.cancel()
    clock.sleep(200)
    assert seen == [("inner", 1005), ("outer", 1005)]
    assert flow.done


def test_many_callers_at_speed_share_one_course_of_time() -> None:
    clock = Clock(20_000, START)
    seen: list[float] = []
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(clock.now())
        if len(ticks) < 50:
            clock.after(37, tick)

    def program() -> None:
        for unused_round in range(20):
            clock.sleep(10)
            seen.append(clock.now())

    def caller() -> None:
        for number in range(20):
            with clock.lock:
                clock.wait_until(lambda wanted=number: len(ticks) > wanted, 1000)
                if number == 5:
                    clock.spawn(program)

    clock.after(0, tick)
    threads = [threading.Thread(target=caller) for unused in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    clock.sleep(5000)
    assert ticks == [START + 37 * number for number in range(50)]
    assert len(seen) == 6 * 20
    assert seen == sorted(seen)


def test_close_ends_all_programs() -> None:
    clock = Clock(0, START)
    background = clock.spawn(clock.sleep_for_ever)
    clock.sleep(1)
    clock.close()
    assert background.done
    background.thread.join(5)
    assert not background.thread.is_alive()
