"""The frames as WebSocket messages: the same events, ids and data as on the stream."""

import json

from hypothesis import given, strategies as st

from notifications.protocol import frames, sse
from notifications.protocol.bye import Bye
from notifications.protocol.payloads import build_change_data, dumps
from notifications.protocol.websocket import Messages, build_message, build_texts
from tests.support.eventstream import Decoder

TEXT = st.text(st.characters(codec="utf-8"))


@given(st.lists(st.tuples(st.sampled_from(["change", "ping", "hello"]), TEXT, st.booleans()), max_size=5))
def test_messages_say_what_the_events_say(written: list[tuple[str, str, bool]]) -> None:
    """Whatever text the data holds, a message has the event's name, id and data, and there are as many."""
    body = b"".join(
        sse.event(name, dumps({"text": text}), id="8198.42" if has_id else None) for name, text, has_id in written
    )
    parsed = [json.loads(text) for text in build_texts(body)]
    assert [each["event"] for each in parsed] == [event.name for event in Decoder().feed(body)]
    assert [each["data"] for each in parsed] == [{"text": text} for _name, text, _has_id in written]
    assert ["id" in each for each in parsed] == [has_id for _name, _text, has_id in written]


def test_the_time_to_wait_stands_in_the_message_after_it() -> None:
    """`retry:` is no event of its own: it comes with the `bye` or `hello` that it stands before."""
    (bye,) = [json.loads(text) for text in build_texts(frames.bye(Bye.ROTATE))]
    assert bye["data"] == {"reason": "rotate"}
    assert 2000 <= bye["retry"] <= 5000


def test_one_write_is_translated_once() -> None:
    """The same bytes for many sockets are made into messages once."""
    messages = Messages()
    body = frames.change(7, 2, build_change_data(prev=1, modseq=2, upsert=[], gone=[5], unread=0, unseen=0))
    assert messages.of(body) is messages.of(body)
    assert json.loads(messages.of(body)[0])["data"]["gone"] == [5]


def test_an_answer_carries_the_clients_own_ref() -> None:
    """So a client knows which of its orders an answer is for."""
    assert json.loads(build_message("pong", {"modseq": 3}, "a")) == {"event": "pong", "ref": "a", "data": {"modseq": 3}}
    assert "ref" not in json.loads(build_message("pong", {"modseq": 3}))
