import jax
import pytest


@pytest.fixture(autouse=True)
def as_users_have_it():
    """optax and the peers rely on JAX's usual promotion of dtypes; the bench runs under it too."""
    with jax.numpy_dtype_promotion("standard"):
        yield
