import json

from jaxnn.data import names


def test_every_set_is_listed(shell):
    lines = shell("datasets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [entry.name for entry in names()]
    assert "1,797" in lines[1]


def test_json(shell):
    found = json.loads(shell("datasets", "--json").out)["datasets"]
    assert found[1] == names()[1]._asdict()
    assert list(found[1]) == ["name", "rows", "columns", "task", "sentence"]
