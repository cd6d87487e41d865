"""Parts found by their kind in a registry, their options checked against the signature of what builds them."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from genrelab.errors import RecipeError

# What pydantic says in Python's words ("a valid dictionary or instance of Choice"), in those of a recipe's writer.
_SHAPES = dict.fromkeys(("model_type", "dict_type"), "Input should be keys with their values, {key: value}")
_SHAPES |= dict.fromkeys(("tuple_type", "list_type"), "Input should be a list, [one, another]")


def check_part(
    where: str,
    kind: object,
    options: Mapping[str, Any],
    registry: Mapping[str, Callable[..., Any]],
    own: Collection[str],
) -> dict[str, Any]:
    """Return all options of a part as plain values, with the defaults of those that are not given.

    Parameters
    ----------
    where
        The key that describes the part; messages begin with it.
    kind
        Its name in `registry`.
    options
        What is said of it.
    registry
        What builds each kind.
    own
        Arguments that are not options, since whoever builds the part gives them.

    Raises
    ------
    RecipeError
        There is no such kind, an option is unknown, missing or of the wrong type; the message says what there is.
    """
    if not isinstance(kind, str) or kind not in registry:
        raise RecipeError(f"{where}.kind: {kind!r} is not one of {', '.join(registry)}")
    build = registry[kind]
    hints = _parameter_types(build)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(build).parameters.values():
        if parameter.name not in own:
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[parameter.name] = (hints.get(parameter.name, Any), default)
    model = create_model("Options", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields)
    try:
        checked: dict[str, Any] = model.model_validate(options).model_dump(mode="json")
    except ValidationError as error:
        raise RecipeError(f"{where}.{explain(error, model)}") from None
    return checked


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Say in one line what is wrong with the first faulty key, and what it could be."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        for part in first["loc"][:-1]:
            inner = model.model_fields[str(part)].annotation
            model = inner if inspect.isclass(inner) and issubclass(inner, BaseModel) else model
        return f"{key}: unknown key; the keys here are {', '.join(model.model_fields)}"
    if first["type"] == "missing":
        return f"{key}: missing; a recipe has to say it"
    if first["type"] == "value_error":  # one of our own sentences, about several keys together
        return f"{key}: {first['ctx']['error']}"
    wanted = _SHAPES.get(first["type"])
    return f"{key}: {wanted or first['msg']}, not {first['input']!r}"


def _parameter_types(build: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a function's or a class's parameters; of what it returns, nothing need be importable."""
    target: Any = build.__init__ if inspect.isclass(build) else build
    annotations = {name: hint for name, hint in target.__annotations__.items() if name != "return"}
    return get_type_hints(type("Parameters", (), {"__annotations__": annotations}), globalns=target.__globals__)
