"""A visitor who speaks Streamlit's protocol without a browser, and so can send what no widget would."""

import json
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

SECONDS = 60.0
FIELDS = {bool: "bool_value", int: "int_value", float: "double_value", str: "string_value", bytes: "bytes_value"}


@dataclass
class Drawn:
    """What one run of a page put on it."""

    elements: list[tuple[Element, str]] = field(default_factory=list)
    """Each with the id of its fragment."""

    def of(self, kind: str) -> list[Element]:
        """The elements of a kind, as `Element` names its fields."""
        return [element for element, _ in self.elements if element.WhichOneof("type") == kind]

    @property
    def sentences(self) -> list[str]:
        """What is said in boxes: errors, warnings, remarks."""
        return [element.alert.body for element in self.of("alert")]

    @property
    def tracebacks(self) -> list[str]:
        """Exceptions that reached the page."""
        return [f"{e.exception.type}: {e.exception.message}" for e in self.of("exception")]

    @property
    def pictures(self) -> list[str]:
        """Keys of the charts that are drawn."""
        messages = [e.bidi_component.bytes for e in self.of("bidi_component")]
        return [m["key"] for m in map(json.loads, filter(None, messages)) if "figure" in m]


class Visitor:
    """One session on one page: `rerun` with any widget states, of the whole page or of a fragment."""

    def __init__(self, url: str, page: str = "", query: str = "", cookie: str = "") -> None:
        self._connect = connect(
            f"{url.replace('http', 'ws')}/_stcore/stream", origin=Origin(url), max_size=None,
            subprotocols=[Subprotocol("streamlit")], additional_headers={"Cookie": cookie} if cookie else None,
        )  # fmt: skip
        self._page, self._query = page, query.removeprefix("?")
        self._page_hash = ""
        """Of the page that is open, once the server has said it; a browser then names the page by it."""
        self._kept: dict[str, ForwardMsg] = {}
        self.ids: dict[str, tuple[str, str]] = {}
        """Widget's key, or its label where it has none → its id and its fragment's."""

    def __enter__(self) -> Self:
        self._socket = self._connect.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connect.__exit__(kind, error, at)

    def rerun(self, states: list[WidgetState] | None = None, fragment: str = "") -> Drawn:
        """What the page draws after these states have arrived."""
        message = BackMsg()
        client = message.rerun_script
        client.query_string, client.page_script_hash, client.fragment_id = self._query, self._page_hash, fragment
        client.page_name = "" if self._page_hash else self._page
        client.widget_states.widgets.extend(states or [])
        self._socket.send(message.SerializeToString())
        drawn = Drawn()
        while True:
            received = self._socket.recv(timeout=SECONDS)
            assert isinstance(received, bytes)
            part = ForwardMsg()
            part.ParseFromString(received)
            if part.WhichOneof("type") == "ref_hash":
                part.CopyFrom(self._kept[part.ref_hash])
            self._kept[part.hash] = part
            if part.WhichOneof("type") == "navigation":
                self._page_hash = part.navigation.page_script_hash
            if part.WhichOneof("type") == "delta" and part.delta.WhichOneof("type") == "new_element":
                self._note(part.delta.new_element, part.delta.fragment_id)
                drawn.elements.append((part.delta.new_element, part.delta.fragment_id))
            if part.WhichOneof("type") == "script_finished" and part.script_finished != 2:  # not stopped for a rerun
                return drawn

    def _note(self, element: Element, fragment: str) -> None:
        widget = getattr(element, str(element.WhichOneof("type")))
        if name := getattr(widget, "id", ""):
            key = name.removeprefix("$$ID-").partition("-")[2]
            self.ids[getattr(widget, "label", "") if key == "None" else key] = (name, fragment)

    def state(self, widget: str, value: object) -> WidgetState:
        """The message by which a widget would say that it has this value; a dict names the protocol's field itself."""
        message = WidgetState(id=self.ids[widget][0])
        if isinstance(value, dict):
            message.json_value = json.dumps(value)
        elif isinstance(value, list) and all(isinstance(v, str) for v in value):
            message.string_array_value.data.extend(value)
        elif isinstance(value, list):
            message.double_array_value.data.extend(value)
        elif value is None:
            message.trigger_value = True
        else:
            setattr(message, FIELDS[type(value)], value)
        return message
