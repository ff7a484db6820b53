import pytest

from edge.updates.reasons import without_paths

NAMES = {"/etc/emotiond/keys": "models.updates.keys", "/var/lib/emotiond": "state_folder", "": "x"}


@pytest.mark.parametrize(
    ("reason", "published"),
    [
        ("/etc/emotiond/keys: no key", "models.updates.keys: no key"),
        ("chmod go-w /etc/emotiond/keys/a.pem", "chmod go-w models.updates.keys/a.pem"),
        ("text: /var/lib/emotiond/models/a.json: no", "text: state_folder/models/a.json: no"),
        ("ca_file '/opt/x/ca.pem' (/tmp)", "ca_file 'ca.pem' (tmp)"),
        ("https://a.example/b/c: it is / was 3/4", "https://a.example/b/c: it is / was 3/4"),
    ],
)
def test_what_is_published_names_no_folder_of_the_device(reason: str, published: str) -> None:
    assert without_paths(reason, NAMES) == published
