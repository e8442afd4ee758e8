import gzip

import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.compressed import check_growth, decompress

TEXT = b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(2000))


def test_one_member_and_several():
    assert decompress(gzip.compress(TEXT), "x.gz") == TEXT
    assert decompress(gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(TEXT), "x.gz") == TEXT + TEXT
    assert decompress(gzip.compress(TEXT) + b"\0" * 512, "x.gz") == TEXT  # tapes are padded so
    assert decompress(gzip.compress(b""), "x.gz") == b""


def damaged():
    good = gzip.compress(TEXT, mtime=0)
    yield good[:5]
    yield good[: len(good) // 2]
    yield good[:-1]
    yield good + b"x"
    yield good[:-8] + b"\0\0\0\0" + good[-4:]  # checksum
    yield good[:100] + bytes([good[100] ^ 255]) + good[101:]
    yield b"\x1f\x8b\x07" + good[3:]  # another compression


@pytest.mark.parametrize("data", list(damaged()))
def test_damaged_data_are_refused(data):
    with pytest.raises(
        JaxnnError, match=r"^x.gz: got gzip data that is damaged or cut off; needed a whole gzip file\."
    ):
        decompress(data, "x.gz")


def test_what_compresses_well_is_read_up_to_64_mebibytes():
    content = bytes(2**24)
    assert decompress(gzip.compress(content), "x.gz") == content


@pytest.mark.parametrize(
    ("packed", "unpacked", "message"),
    [
        (2**30, 2**30 + 1, "x: got a content of over 1024 MiB; needed a smaller table"),
        (300_000, 75_000_001, "x: got 300000 bytes that unpack to over 75000001; needed at most 250 times the size"),
    ],
)
def test_bombs_are_refused(packed, unpacked, message):
    check_growth(packed, unpacked - 1, "x")
    with pytest.raises(JaxnnError, match=f"^{message}"):
        check_growth(packed, unpacked, "x")


def test_a_small_content_may_have_any_ratio():
    check_growth(1, 2**26, "x")
