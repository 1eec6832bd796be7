"""The timer: again and again, never twice at once, whatever happens to the work; it leaves nothing behind."""

import asyncio
import logging

import pytest

from services.timer import Timer


async def test_work_is_done_again_and_again_and_not_before_its_time() -> None:
    timer, done = Timer(), list[float]()

    async def work() -> None:
        done.append(asyncio.get_running_loop().time())

    began = asyncio.get_running_loop().time()
    timer.each(0.05, work)
    async with asyncio.timeout(10):
        while len(done) < 4:  # noqa: ASYNC110 - what is waited for is time
            await asyncio.sleep(0.01)
    await timer.stop()
    count = len(done)
    assert done[0] - began >= 0.05
    assert done[3] - began >= 0.2
    await asyncio.sleep(0.15)
    assert len(done) == count


async def test_slow_work_is_never_beside_itself_and_not_made_up_for() -> None:
    timer, beside, most, done = Timer(), 0, 0, 0

    async def work() -> None:
        nonlocal beside, most, done
        beside += 1
        most = max(most, beside)
        await asyncio.sleep(0.1)
        beside -= 1
        done += 1

    timer.each(0.001, work)
    await asyncio.sleep(0.35)
    await timer.stop()
    assert most == 1
    assert 1 <= done <= 4


@pytest.mark.parametrize(("failure", "told"), [(ConnectionRefusedError(), 0), (ZeroDivisionError(), 1)])
async def test_work_that_fails_is_tried_again_and_a_bug_is_told(caplog: pytest.LogCaptureFixture, failure: Exception, told: int) -> None:
    caplog.set_level(logging.ERROR)
    timer, tries = Timer(), 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        raise failure

    timer.each(0.01, work)
    async with asyncio.timeout(10):
        while tries < 3:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
    await timer.stop()
    assert (len(caplog.records) > 0) == bool(told)
    assert all(record.exc_info is not None and record.exc_info[1] is failure for record in caplog.records)


async def test_what_is_under_way_comes_to_its_end_and_nothing_is_left() -> None:
    timer, steps = Timer(), list[str]()

    async def work() -> None:
        steps.append("begun")
        await asyncio.sleep(0.2)
        steps.append("ended")

    async def never() -> None:
        steps.append("never")

    before = asyncio.all_tasks()
    timer.each(0.01, work)
    timer.each(3600, never)
    async with asyncio.timeout(10):
        while not steps:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.005)
    await timer.stop()
    assert steps == ["begun", "ended"]
    assert asyncio.all_tasks() <= before


async def test_a_timer_that_is_stopped_before_its_first_step_leaves_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    timer = Timer()
    timer.each(3600, asyncio.sleep)  # type: ignore[arg-type]  # it is never begun
    await timer.stop()
    await asyncio.sleep(0.05)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_stopping_in_the_middle_of_work_tells_of_no_error(caplog: pytest.LogCaptureFixture) -> None:
    timer, begun, ended = Timer(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.1)
        ended.set()

    timer.each(0.01, work)
    await begun.wait()
    await timer.stop()
    await asyncio.sleep(0.05)
    assert ended.is_set()
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
