"""MQTT topic names and filters (MQTT 3.1.1, section 4.7)."""

MAX_FILTER_BYTES = 1024
"""Longer filters are refused: they cost memory for a whole session, and a printer's topics have 40 bytes."""


def is_topic_name(topic: str) -> bool:
    """Whether messages can be published under this name: not empty, no wildcard."""
    return bool(topic) and "+" not in topic and "#" not in topic


def is_topic_filter(topic_filter: str) -> bool:
    """Whether one can subscribe to this filter: `+` and `#` fill whole levels, `#` only the last, and it is not too long."""
    if not topic_filter or len(topic_filter.encode()) > MAX_FILTER_BYTES:
        return False
    *parents, last = topic_filter.split("/")
    return all(_is_level(level) and level != "#" for level in parents) and _is_level(last)


def topic_matches(topic_filter: str, topic: str) -> bool:
    """Whether the filter covers the topic; `a/#` covers `a` too, and a leading wildcard no topic that begins with `$`."""
    if topic.startswith("$") and topic_filter[:1] in {"+", "#"}:
        return False
    wanted = topic_filter.split("/")
    levels = topic.split("/")
    for position, level in enumerate(wanted):
        if level == "#":
            return True
        if position >= len(levels) or level not in {"+", levels[position]}:
            return False
    return len(wanted) == len(levels)


def _is_level(level: str) -> bool:
    return level in {"+", "#"} or ("+" not in level and "#" not in level)
