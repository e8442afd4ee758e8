"""Names for the types that cross file borders."""

from typing import Any, TypeAlias

import jax

Array: TypeAlias = jax.Array
"""An array of JAX; functions that take one take anything `numpy.asarray` accepts."""

Key: TypeAlias = jax.Array
"""One typed random key, `jax.random.key(seed)`."""

Params: TypeAlias = dict[str, Any]
"""A nested dict of arrays that the gradient and the optimiser see."""

State: TypeAlias = dict[str, Any]
"""A nested dict of arrays that the forward pass uses and the optimiser does not see."""

Example: TypeAlias = jax.Array | jax.ShapeDtypeStruct
"""One example without a batch axis, or only its shape and dtype."""

Memory: TypeAlias = dict[str, Any]
"""A nested dict of arrays: what a layer knows of the positions of a sequence that went before."""
