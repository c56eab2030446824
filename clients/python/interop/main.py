"""Tries every feature that a client has to have against a running Terrace and prints a line of JSON for
each. Behind tests/e2e; see the table in docs/CLIENTS.md.
"""

import json
import sys
import time

import grpc

from terrace_llm import Answer, Reason, Restart, Terrace, TerraceError, Text
from terrace_llm.request import new_id

CAPITAL = "Name the capital of France."
HARDER = "Name the capital of France, beyond the small one."
SLOW = "Take your time and name the capital of France."
BROKEN = "Nothing works."

terrace = Terrace(timeout=30)


def claim(holds, otherwise):
    if not holds:
        raise AssertionError(otherwise)


def failure(prompt, client=terrace, **options):
    try:
        client.route(prompt, **options)
    except TerraceError as error:
        return error
    raise AssertionError("it did not fail")


def unary():
    claim("Paris" in terrace.route(CAPITAL).text, "no Paris")


def streamed(commit):
    def stream():
        with terrace.stream(CAPITAL, commit=commit) as events:
            list(events)
        claim(events.text == events.answer.text, f"another text: {events.text}")

    return stream


def taken_back():
    with terrace.stream(HARDER, commit="provisional") as stream:
        back = [event.attempt.model for event in stream if isinstance(event, Restart)]
    claim(back[:1] == ["small"], "nothing was taken back")
    claim(stream.text == stream.answer.text, f"another text: {stream.text}")


def batch():
    results = [result for _, result in terrace.batch([CAPITAL, HARDER])]
    claim([isinstance(result, Answer) for result in results] == [True] * 2, "not both were answered")


def deadline():
    late = failure(SLOW, model="small", timeout=1)
    known = late.code == grpc.StatusCode.DEADLINE_EXCEEDED or late.reason == Reason.BACKEND_TIMEOUT
    claim(known, f"not late but {late}")


def cancel():
    request_id = new_id()
    with terrace.stream(SLOW, commit="provisional", request_id=request_id) as stream:
        next(event for event in stream if isinstance(event, Text))
    for _ in range(100):
        if any(row["request_id"] == request_id for row in terrace.usage("outcome=cancelled")):
            return
        time.sleep(0.1)
    raise AssertionError("the ledger does not have it")


def error_details():
    wrong = failure(CAPITAL, tier="penthouse")
    claim(wrong.reason == Reason.INVALID_REQUEST, f"the reason is {wrong.reason}")
    claim("policy.tier" in wrong.fields, "the field is not named")


def attempts():
    # Were it tried again, the second answer would be that the id is used.
    request_id = new_id()
    broken = failure(BROKEN, request_id=request_id)
    claim(broken.reason == Reason.BACKEND_FAILED, f"the reason is {broken.reason}")
    claim(len(broken.attempts) == 3, "not three attempts")
    claim(broken.request_id == request_id, "another request")


def metadata():
    with Terrace(api_key="tk_wrong") as stranger:
        refused = failure(CAPITAL, client=stranger)
    claim(refused.reason == Reason.UNAUTHENTICATED, f"the reason is {refused.reason}")


def tell(feature, attempt):
    line = {"feature": feature, "ok": True}
    try:
        attempt()
    except Exception as error:
        line = {"feature": feature, "ok": False, "why": str(error)}
    print(json.dumps(line), flush=True)


tell("unary call", unary)
tell("stream, held back", streamed("hold_back"))
tell("stream, prefix", streamed("prefix"))
tell("stream, provisional, taken back", taken_back)
tell("stream both ways (batch)", batch)
tell("deadline", deadline)
tell("cancel", cancel)
tell("error details", error_details)
tell("attempts of an error, not tried again", attempts)
tell("metadata (key)", metadata)
print("restart", flush=True)
sys.stdin.readline()
tell("reconnect after a restart", unary)
terrace.close()
