import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.columnnames import checked_names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "t: got no columns"),
        (["a", " "], "t:column 2: got an empty column name"),
        (["a", "b", "a ", "b"], "t: got 'a', 'b' more than once"),
    ],
)
def test_bad_names_are_refused(names, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        checked_names(names, "t")
