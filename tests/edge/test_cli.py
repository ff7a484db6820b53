from edge.cli import MESSAGES
from edge.publish.messages import SCHEMAS


def test_the_command_line_offers_the_schema_of_every_message() -> None:
    assert tuple(SCHEMAS) == MESSAGES
