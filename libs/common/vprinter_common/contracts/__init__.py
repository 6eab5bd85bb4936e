"""Everything that crosses NATS: subjects, buckets, streams and the messages on them.

Messages carry a version field `v`; unknown fields are ignored on reading, so that services of neighbouring releases
understand one another.
"""
