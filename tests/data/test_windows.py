import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn import JaxnnError
from jaxnn.data import consecutive, next_tokens, sliding_windows


@pytest.mark.course("D16")
def test_a_window_of_tokens_and_the_next_ones():
    tokens = np.arange(100, 111)  # 11 tokens: the last is a target alone
    x, y = next_tokens(tokens, 4)
    assert x.shape == y.shape == (2, 4)
    assert x.dtype == y.dtype == np.int32
    assert x.tolist() == [[100, 101, 102, 103], [104, 105, 106, 107]]
    assert y.tolist() == [[101, 102, 103, 104], [105, 106, 107, 108]]
    x, y = next_tokens(tokens, 4, stride=3)
    assert x[:, 0].tolist() == [100, 103, 106]
    assert y[:, -1].tolist() == [104, 107, 110]


@pytest.mark.course("D16")
def test_a_window_of_a_series_and_its_horizon():
    series = np.arange(10.0) ** 2
    x, y = sliding_windows(series, 4, horizon=2, stride=2)
    assert x.shape == (3, 4)
    assert y.shape == (3, 2)
    assert x.tolist() == [[0, 1, 4, 9], [4, 9, 16, 25], [16, 25, 36, 49]]
    assert y.tolist() == [[16, 25], [36, 49], [64, 81]]
    several = np.stack([np.arange(7), -np.arange(7)], axis=1)  # (time, 2)
    x, y = sliding_windows(several, 3)
    assert x.shape == (4, 3, 2)
    assert y.shape == (4, 1, 2)
    assert x[1].tolist() == [[1, -1], [2, -2], [3, -3]]
    assert y[1].tolist() == [[4, -4]]


@pytest.mark.course("D16")
@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 5), st.integers(1, 12))
def test_every_whole_window_is_there_and_no_other(time, length, horizon, stride):
    series = np.arange(time)
    starts = [start for start in range(0, time, stride) if start + length + horizon <= time]
    if not starts:
        with pytest.raises(JaxnnError, match=f"^series: got {time} values; needed at least {length + horizon}"):
            sliding_windows(series, length, horizon, stride)
    else:
        x, y = sliding_windows(series, length, horizon, stride)
        assert x.tolist() == [list(range(start, start + length)) for start in starts]
        assert y.tolist() == [list(range(start + length, start + length + horizon)) for start in starts]
    starts = [start for start in range(0, time, stride) if start + length + 1 <= time]
    if not starts:
        with pytest.raises(JaxnnError, match=f"^tokens: got {time} tokens; needed at least {length + 1}"):
            next_tokens(series, length, stride)
    else:
        x, y = next_tokens(series, length, stride)
        assert x[:, 0].tolist() == starts
        assert (y == x + 1).all()
        assert x.shape == (len(starts), length)


@pytest.mark.course("D16")
@given(st.integers(0, 1000), st.sampled_from([(0.7, 0.1, 0.2), (1.0, 0.0, 0.0), (0.3, 0.3, 0.4), (0.5, 0.5)]))
def test_parts_follow_each_other_and_cover_all(count, shares):
    parts = consecutive(count, shares)
    assert np.concatenate([np.arange(count)[part] for part in parts]).tolist() == list(range(count))
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(range(*part.indices(count))) - share * count) <= 1


@pytest.mark.course("D16")
def test_no_window_has_tokens_of_two_parts():
    tokens = np.arange(200)
    parts = [tokens[part] for part in consecutive(200, (0.7, 0.1, 0.2))]
    seen = [set(np.concatenate(next_tokens(part, 8)).ravel().tolist()) for part in parts]
    assert [len(one) for one in seen] == [137, 17, 33]  # whole windows of 8, and the token after the last
    assert not (seen[0] & seen[1] or seen[1] & seen[2] or seen[0] & seen[2])


def test_windows_are_copies():
    tokens = np.arange(9)
    x, y = next_tokens(tokens, 4)
    tokens[:] = 0
    y[:] = 0
    assert x.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: next_tokens([0.5, 1.0], 1), "tokens: got float64 of shape"),
        (lambda: next_tokens([[1, 2]], 1), r"tokens: got int64 of shape \(1, 2\)"),
        (lambda: next_tokens([1, 2], 0), "length: got 0"),
        (lambda: next_tokens([1, 2], 1, 0), "stride: got 0"),
        (lambda: sliding_windows(["a", "b"], 1), "series: got <U1 of shape"),
        (lambda: sliding_windows([[1.0], [1.0, 2.0]], 1), "series: got rows of different lengths"),
        (lambda: sliding_windows(3.0, 1), r"series: got float64 of shape \(\)"),
        (lambda: sliding_windows([1.0, 2.0], 1, 0), "horizon: got 0"),
        (lambda: consecutive(10, (0.5, 0.6)), "shares: got"),
        (lambda: consecutive(10, (1.5, -0.5)), "shares: got"),
        (lambda: consecutive(10, ()), "shares: got"),
    ],
)
def test_bad_input_is_refused(call, said):
    with pytest.raises(JaxnnError, match=f"^{said}"):
        call()
