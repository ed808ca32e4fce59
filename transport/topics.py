"""The one place that spells topics.

The area comes first so that a district, then a city, can be partitioned over several workers.
"""

from typing import NamedTuple

ROOT = "tocsin/1"

ANY_LIVE = f"{ROOT}/+/+/live"
ANY_STATUS = f"{ROOT}/+/+/status"
ANY_DEED = f"{ROOT}/+/+/deed"
ANY_SERVER_STATUS = f"{ROOT}/server/+/status"
ANY_TRANSITION = f"{ROOT}/+/transition"
ANY_ALARM = f"{ROOT}/+/alarm/+/+"
ANY_WARNING = f"{ROOT}/+/warning/+"


class GatewayTopics(NamedTuple):
    """The topics of one gateway."""

    area: str
    gateway: str

    @property
    def live(self) -> str:
        """Batches as they are read: edge to every consumer."""
        return f"{ROOT}/{self.area}/{self.gateway}/live"

    def replay(self, consumer: str) -> str:
        """Batches that one consumer lacks: edge to that consumer."""
        return f"{ROOT}/{self.area}/{self.gateway}/replay/{consumer}"

    @property
    def ack(self) -> str:
        """What a consumer has committed: consumers to edge."""
        return f"{ROOT}/{self.area}/{self.gateway}/ack"

    @property
    def deed(self) -> str:
        """What the gateway did by itself: edge to alerting."""
        return f"{ROOT}/{self.area}/{self.gateway}/deed"

    @property
    def status(self) -> str:
        """Retained state of the gateway; its last will says it is gone."""
        return f"{ROOT}/{self.area}/{self.gateway}/status"


def any_replay(consumer: str) -> str:
    """Every gateway's replay to ``consumer``."""
    return f"{ROOT}/+/+/replay/{consumer}"


def gateway_of(topic: str) -> GatewayTopics:
    """The gateway a ``live``, ``replay``, ``ack`` or ``status`` topic belongs to."""
    _, _, area, gateway, *_ = topic.split("/")
    return GatewayTopics(area, gateway)


def transition(area: str) -> str:
    """Changes of alarms: rules to alerting."""
    return f"{ROOT}/{area}/transition"


def transition_ack(area: str) -> str:
    """What alerting has committed: alerting to rules."""
    return f"{ROOT}/{area}/transition/ack"


def alarm(area: str, rule: str, subject: str) -> str:
    """Retained state of one alarm, for displays; emptied on clear."""
    return f"{ROOT}/{area}/alarm/{rule}/{subject}"


def warning(area: str, thread: str) -> str:
    """Retained CAP message of one thread as JSON: sirens and LED boards obey it."""
    return f"{ROOT}/{area}/warning/{thread}"


def server_status(service: str) -> str:
    """Retained heartbeat of one server process."""
    return f"{ROOT}/server/{service}/status"


def server_command(service: str) -> str:
    """What people ask one server process to do."""
    return f"{ROOT}/server/{service}/command"


def server_answer(service: str) -> str:
    """What became of each of their requests."""
    return f"{ROOT}/server/{service}/command/answer"
