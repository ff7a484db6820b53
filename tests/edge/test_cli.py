from edge.cli import TOPICS
from edge.publish.messages import SCHEMAS


def test_the_command_line_offers_the_schema_of_every_message() -> None:
    assert tuple(SCHEMAS) == TOPICS
