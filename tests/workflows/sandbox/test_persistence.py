from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from workflows.sandbox.server import Gate


def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    return [b"answer"]


def call(gate: Gate, method: str = "POST") -> list[bytes]:
    return list(gate({"REQUEST_METHOD": method}, lambda *_: lambda _: None))


def test_a_reading_request_changes_nothing_and_a_writing_one_does() -> None:
    gate = Gate(answer)
    assert call(gate, "GET") == [b"answer"]
    assert not gate.changed
    call(gate, "POST")
    assert gate.changed


def test_requests_wait_while_the_state_is_copied() -> None:
    gate, done = Gate(answer), threading.Event()
    thread = threading.Thread(target=lambda: (call(gate), done.set()))
    with gate.alone:
        thread.start()
        assert not done.wait(0.05)
    assert done.wait(300)
    thread.join()


def test_the_copy_waits_for_requests_that_are_inside() -> None:
    inside, leave, order = threading.Event(), threading.Event(), []

    def slow(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        inside.set()
        leave.wait(300)
        order.append("request")
        return []

    gate = Gate(slow)

    def copy() -> None:
        with gate.alone:
            order.append("copy")

    threads = [threading.Thread(target=call, args=(gate,)), threading.Thread(target=copy)]
    threads[0].start()
    assert inside.wait(300)
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join()
    assert order == ["request", "copy"]


def test_a_request_that_fails_does_not_block_the_next_copy() -> None:
    def fail(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        raise ZeroDivisionError

    gate = Gate(fail)
    try:
        call(gate)
    except ZeroDivisionError:
        failed = True
    assert failed
    with gate.alone:
        pass


def test_a_conditional_write_that_is_asked_for_again_is_done_once_and_answered_twice() -> None:
    asked: list[str] = []

    def write(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        asked.append(environ["HTTP_AMZ_SDK_INVOCATION_ID"])
        start_response("500 no" if asked == ["a"] else "200 OK", [])
        return [b"written"]

    gate = Gate(write)
    told: list[str] = []

    def put(call_id: str) -> list[bytes]:
        environ = {
            "REQUEST_METHOD": "POST",
            "HTTP_X_AMZ_TARGET": "DynamoDB_20120810.PutItem",
            "HTTP_AMZ_SDK_INVOCATION_ID": call_id,
        }
        return list(gate(environ, lambda status, _headers: told.append(status)))

    assert [put("a"), put("a"), put("a"), put("b")] == [[b"written"]] * 4
    assert asked == ["a", "a", "b"]
    assert told == ["500 no", "200 OK", "200 OK", "200 OK"]
