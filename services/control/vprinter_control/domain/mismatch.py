"""Whether a file was sliced for another printer than the one that received it."""

from vprinter_common import catalog

MODEL_MISMATCH = "model_mismatch"


def mismatch(sliced_for: str | None, sliced_for_name: str | None, received_by: str | None) -> str | None:
    """A sentence if it was; the models are codes of our catalog. Without knowledge nothing is said."""
    if received_by is None or (sliced_for is None and sliced_for_name is None):
        return None
    try:
        ours = catalog.model(received_by).product_name
        theirs = catalog.model(sliced_for).product_name if sliced_for else sliced_for_name
    except catalog.UnknownModel:  # a model that another release knew
        return None
    if ours == theirs:
        return None
    return f"sliced for {theirs}, received by a virtual {ours}: slice it again for the printer that shall print it"
