import contextlib
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.report import LARGEST, from_json, page, to_json


def test_a_document_reads_back_equal_and_gives_the_same_page(every_document):
    for document in every_document:
        again = from_json(to_json(document).encode())
        assert again == document
        assert page(again) == page(document)


def test_a_document_is_small_whatever_the_table_is(every_document):
    for document in every_document:
        assert len(to_json(document)) < 300_000 < LARGEST
        assert len(page(document)) < 800_000


def changed(document, path, value):
    """The JSON of a document with something else at a path."""
    found = json.loads(to_json(document))
    at = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return json.dumps(found)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["version"], 1, "version: got 1; needed 2. Use the jaxnn that wrote it."),
        (["data", "rows"], "many", "data.rows: got 'many'; needed a whole number of at least 0."),
        (["data", "rows"], -1, "data.rows: got -1; needed a whole number"),
        (["data", "rows"], True, "data.rows: got True; needed a whole number"),
        (["data", "rows"], 2**63, "data.rows: got 9223372036854775808; needed a whole number"),
        (["data", "target"], "\ud800", r"data.target: got '\ud800'; needed text"),
        (["data"], [], "data: got list; needed an object"),
        (["training", "curves", 0, "training", 0], float("nan"), "[0]: got a number that is not finite; needed"),
        (["training", "epochs"], [1], "training.curves, 'loss': got another number of values than epochs; needed 1."),
        (["classes", "confusion"], [[1]], "classes.confusion: got another shape than the classes have"),
        (["classes", "sweeps", 0, "recall"], [], "classes.sweeps, '0': got lines of different lengths"),
        (["classes", "calibration", "right"], [], "classes.calibration: got lines of different lengths"),
        (["pictures", "shape"], [9999, 9999], "pictures.shape: got (9999, 9999); needed height and width of"),
        (["kinds", 0], ["numeric"], "kinds[0]: got list; needed a list of 2"),
        (["worst", 0, "right"], 1, "worst[0].right: got 1; needed true or false"),
        (["columns", 0, "script"], "x", "columns[0]: got the unknown field 'script'; needed what jaxnn train wrote."),
    ],
)
def test_what_is_damaged_is_named(digits_document, path, value, said):
    with pytest.raises(JaxnnError) as error:
        from_json(changed(digits_document, path, value))
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text", [b"", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b"1" * 10_000, b'{"version": NaN', b" " * (LARGEST + 1)]
)
def test_what_is_no_document_is_refused(text):
    with pytest.raises(JaxnnError, match=r"^report\.json: got .*needed"):
        from_json(text)


def test_an_image_of_another_size_is_refused(digits_document):
    for image in ("", "AAAA", "!"):
        text = changed(digits_document, ["pictures", "means", 0, "image"], image)
        with pytest.raises(JaxnnError, match="an image that is not as large as it says"):
            page(from_json(text))


def places(value, path=()):
    """Every path in a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, inside in items:
        yield from places(inside, (*path, key))


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=20), st.just([]), st.just({}),
    st.lists(st.floats(), max_size=3), st.sampled_from([0, 1, 5e-324, 1e308, -1e308, 2**62]),
)  # fmt: skip


@given(data=st.data())
def test_only_our_error_comes_of_damage(digits_document, diabetes_document, data):
    found = json.loads(to_json(data.draw(st.sampled_from([digits_document, diabetes_document]))))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in places(found) if path]))
        at = found
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = data.draw(ODD)
    with contextlib.suppress(JaxnnError):
        text = page(from_json(json.dumps(found)))
        text.encode()
        assert not re.search(r'="[^"<>]*\b(nan|inf)\b', text)
