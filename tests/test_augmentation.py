"""Augmentation: labels kept, every image another draw, values by hand; as fit calls it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import augmentation
from jaxnn.augmentation import AUGMENTATIONS, Crop, Cutout, Flip, Mixup, Noise, Rotate, Shift
from jaxnn.checks import JaxnnError
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

KEY = jax.random.key(5)
EACH = [Shift(2), Flip(), Rotate(20.0), Crop(2), Noise(0.3), Cutout(3), Mixup(0.4)]
NAMES = [type(one).__name__ for one in EACH]
ROWS = 40


def images(*shape, dtype="float32"):
    return np.random.default_rng(1).normal(size=(ROWS, *shape)).astype(dtype)


def changed(change, x, y=None, key=KEY):
    """Compiled once, where one by one its operations would be."""
    return jit(change)(key, jnp.asarray(x), y)


def shares(classes=3):
    return jnp.eye(classes, dtype=jnp.float32)[np.arange(ROWS) % classes]


def test_the_table_of_names_has_every_augmentation():
    assert {type(one) for one in EACH} == set(AUGMENTATIONS.values())


@pytest.mark.course("R21")
@pytest.mark.parametrize("change", EACH, ids=NAMES)
@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5)], ids=["colour", "grey"])
def test_images_keep_their_shape_and_all_but_mixup_their_labels(change, shape):
    x, y = jnp.asarray(images(*shape)), shares()
    other, after = changed(change, x, y)
    assert (other.shape, other.dtype, after.shape) == (x.shape, x.dtype, y.shape)
    assert (other != x).any()
    assert bool((after == y).all()) != isinstance(change, Mixup)


@pytest.mark.parametrize("change", EACH, ids=NAMES)
def test_another_key_is_another_draw_and_the_same_key_the_same(change):
    x, y = jnp.asarray(images(6, 5)), shares()
    run = jit(lambda key: change(key, x, y)[0])
    first = run(KEY)
    assert (first == run(KEY)).all()
    assert (first != run(jax.random.key(6))).any()


@pytest.mark.parametrize("change", [one for one in EACH if not isinstance(one, Mixup)], ids=NAMES[:-1])
def test_equal_images_of_a_batch_are_changed_each_in_its_own_way(change):
    x = jnp.broadcast_to(jnp.asarray(images(6, 5)[:1]), (ROWS, 6, 5))
    each = np.asarray(changed(change, x)[0]).reshape(ROWS, -1)
    assert len(np.unique(each, axis=0)) > 1


@pytest.mark.parametrize("change", [one for one in EACH if not isinstance(one, Mixup)], ids=NAMES[:-1])
def test_a_batch_that_is_longer_changes_the_first_images_alike(change):
    x = jnp.asarray(images(6, 5))
    whole, part = changed(change, x)[0], changed(change, x[:7])[0]
    np.testing.assert_allclose(whole[:7], part, atol=1e-6)


@pytest.mark.parametrize("change", EACH, ids=NAMES)
def test_short_floats_stay_short_and_near(change):
    x = images(6, 5)
    assert jax.eval_shape(change, KEY, jnp.asarray(x).astype("bfloat16"), shares())[0].dtype == "bfloat16"
    short, _ = changed(change, jnp.asarray(x).astype("float16"), shares())
    whole, _ = changed(change, jnp.asarray(x), shares())
    assert short.dtype == "float16"
    np.testing.assert_allclose(np.asarray(short, np.float32), whole, atol=0.01)


@pytest.mark.parametrize("change", EACH[2::4], ids=NAMES[2::4])
def test_members_of_a_population_each_have_their_key(change):
    x, y, keys = jnp.asarray(images(4, 4)), shares(), jax.random.split(KEY, 2)
    both = jit(jax.vmap(lambda key: change(key, x, y)[0]))(keys)
    for i in range(2):
        np.testing.assert_allclose(both[i], changed(change, x, y, keys[i])[0], atol=1e-6)


def test_64_bits_are_kept(x64):
    x, y = jax.ShapeDtypeStruct((ROWS, 6, 5), "float64"), jax.ShapeDtypeStruct((ROWS, 3), "float64")
    for change in EACH:
        assert jax.eval_shape(change, KEY, x, y)[0].dtype == "float64"


def test_pixels_as_bytes_are_moved_as_bytes_and_become_floats_where_they_must():
    x, y = jax.ShapeDtypeStruct((ROWS, 6, 5), "uint8"), jax.ShapeDtypeStruct((ROWS, 3), "float32")
    for change in EACH:
        dtype = "uint8" if isinstance(change, Shift | Flip | Crop | Cutout) else "float32"
        assert jax.eval_shape(change, KEY, x, y)[0].dtype == dtype


def every_move(most, filled):
    """One image, moved by every pair of offsets, by NumPy."""
    x = np.arange(1.0, 13.0).reshape(3, 4)
    kind = {"mode": "edge"} if filled == "edge" else {"constant_values": 0}
    framed = np.pad(x, most, **kind)
    places = range(2 * most + 1)
    return x, {framed[i : i + 3, j : j + 4].tobytes() for i in places for j in places}


@pytest.mark.parametrize(("kind", "filled"), [(Shift, "edge"), (Crop, "zeros")])
def test_moved_images_are_the_framed_image_cut_out_at_every_place(kind, filled):
    x, expected = every_move(2, filled)
    many = jnp.broadcast_to(jnp.asarray(x, jnp.float32), (2000, 3, 4))
    moved = np.asarray(changed(kind(2), many)[0], np.float64)
    assert {one.tobytes() for one in moved} == expected


def test_offsets_are_equally_likely():
    x = jnp.zeros((50_000, 1, 9)).at[:, :, 4].set(1)
    moved = changed(Shift(2), x)[0].mean(axis=(0, 1))
    np.testing.assert_allclose(moved, [0, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0, 0], atol=0.01)


def test_flipping_is_a_mirror_for_the_share_asked_for():
    x = jnp.asarray(images(3, 4, 2))
    np.testing.assert_array_equal(changed(Flip(1.0), x)[0], x[:, :, ::-1])
    np.testing.assert_array_equal(changed(Flip(1.0, vertical=True), x)[0], x[:, ::-1])
    np.testing.assert_array_equal(changed(Flip(0.0), x)[0], x)
    many = jnp.broadcast_to(jnp.array([[0.0, 1.0]]), (10_000, 1, 2))
    assert float(changed(Flip(0.3), many)[0][:, 0, 0].mean()) == pytest.approx(0.3, abs=0.02)


def test_between_pixels_a_turned_image_is_interpolated(monkeypatch):
    monkeypatch.setattr(augmentation, "_uniform", lambda key, shape: jnp.full(shape, 1.0))
    x = np.arange(9.0, dtype=np.float32).reshape(1, 3, 3) ** 2
    turned = changed(Rotate(45.0), x)[0][0]
    # the middle of the upper edge comes from 1/sqrt(2) up and as far to the right of the centre
    near, far = 1 - 0.5**0.5, 0.5**0.5
    by_hand = far * (near * 1 + far * 4) + near * (near * 16 + far * 25)
    assert float(turned[0, 1]) == pytest.approx(by_hand, rel=1e-5)
    assert float(turned[1, 1]) == pytest.approx(16)


def test_a_quarter_turn_is_exact(monkeypatch):
    monkeypatch.setattr(augmentation, "_uniform", lambda key, shape: jnp.full(shape, 1.0))
    x = images(5, 5, 2)
    turned = changed(Rotate(90.0), jnp.asarray(x))[0]
    np.testing.assert_allclose(turned, np.rot90(x, 1, axes=(1, 2)), atol=1e-5)


def test_noise_is_normal():
    x = np.asarray(changed(Noise(2.0), jnp.zeros((100, 20, 20)))[0]).ravel() / 2
    assert x.mean() == pytest.approx(0, abs=0.02)
    assert x.var() == pytest.approx(1, abs=0.02)
    assert (x**4).mean() == pytest.approx(3, abs=0.15)  # the fourth moment of N(0, 1)


def test_a_hole_is_a_square_of_zeros():
    x = np.asarray(changed(Cutout(3), jnp.ones((500, 8, 9)))[0])
    for image in x:
        rows, columns = np.nonzero(image == 0)
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert len(rows) == height * width
        assert max(height, width) <= 3
        inside = rows.min() > 0 and rows.max() < 7 and columns.min() > 0 and columns.max() < 8
        assert not inside or (height, width) == (3, 3)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixing_is_beta_of_images_and_labels_alike(alpha):
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, 20_000), jnp.float32)[:, None, None]
    y = x[:, 0, 0].astype(jnp.int32)
    mixed, soft = changed(Mixup(alpha, classes=2), x, y)
    np.testing.assert_allclose(mixed.ravel(), soft[:, 1], atol=1e-6)
    np.testing.assert_allclose(soft.sum(axis=1), 1, atol=1e-6)
    # of pairs that differ, the own share is m or 1 - m, whose variance is that of Beta(alpha, alpha)
    between = np.asarray(soft[:, 1])
    between = between[(between > 0) & (between < 1)]
    assert between.mean() == pytest.approx(0.5, abs=0.02)
    if alpha >= 1:
        assert between.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.06)


def test_a_small_alpha_leaves_most_images_nearly_as_they_are():
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, 20_000), jnp.float32)[:, None, None]
    mixed = np.asarray(changed(Mixup(0.2), x, x[:, 0, 0])[0])
    # E[m (1 - m)] = alpha / (2 (2 alpha + 1)) for Beta(alpha, alpha), half of the pairs differ
    assert (mixed * (1 - mixed)).mean() == pytest.approx(0.5 * 0.2 / (2 * 1.4), rel=0.05)


WRONG = [
    (lambda: Shift(-1), "Shift.most: got -1; needed a whole number from 0"),
    (lambda: Flip(1.5), "Flip.rate: got 1.5; needed a number from 0 to 1"),
    (lambda: Rotate(float("nan")), "Rotate.degrees: got nan"),
    (lambda: Crop(1.5), "Crop.padding: got 1.5; needed a whole number"),
    (lambda: Noise(-0.1), "Noise.scale: got -0.1; needed a number of at least 0"),
    (lambda: Cutout(0), "Cutout.size: got 0; needed a whole number from 1"),
    (lambda: Mixup(0.0), "Mixup.alpha: got 0.0; needed a number above 0"),
    (lambda: Mixup(0.2, classes=1), "Mixup.classes: got 1; needed a whole number of at least 2"),
    (lambda: Shift(1)(KEY, jnp.zeros((4, 64)), None), r"Shift\(1\): got x of shape \(4, 64\); needed \(batch, height"),
    (lambda: Mixup(0.2)(KEY, jnp.zeros((4, 8, 8)), jnp.zeros(4, int)), r"Mixup\(0.2\): got y of int32; needed rows of"),
]


@pytest.mark.parametrize(("call", "said"), WRONG)
def test_wrong_use_says_what_is_needed(call, said):
    with pytest.raises(JaxnnError, match=said):
        call()


def test_fit_takes_augmentations_and_other_keys_give_other_weights():
    x, y = images(4, 4, 1), np.arange(ROWS) % 3
    net = nn.Chain(nn.Flatten(3), nn.Dense(3))
    several = [Shift(1), Mixup(0.2, classes=3)]

    def weights(augment, key=0):
        run = nn.fit(
            net, (x, y), nn.losses.softmax_cross_entropy, epochs=1, augment=augment, batch_size=16, key=key,
        )  # fmt: skip
        return np.asarray(run.params["dense_0"]["kernel"])

    first = weights(several)
    assert (first == weights(several)).all()
    assert (first != weights([])).any()
