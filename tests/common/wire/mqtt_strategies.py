"""Hypothesis strategies for MQTT packets."""

from hypothesis import strategies as st

from vprinter_common.wire.mqtt_packets import (
    MAX_FILTERS_PER_PACKET,
    SUBSCRIPTION_REFUSED,
    Connack,
    Connect,
    ConnectCode,
    Disconnect,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Will,
)

texts = st.text(st.characters(codec="utf-8"), max_size=40)
blobs = st.binary(max_size=200)
ids = st.integers(1, 0xFFFF)
qualities = st.integers(0, 2)
topics = st.text(st.characters(codec="utf-8", exclude_characters="+#"), min_size=1, max_size=40)
subscriptions = st.builds(Subscription, texts, qualities)


@st.composite
def connects(draw: st.DrawFn) -> Connect:
    """CONNECT with every combination of optional fields."""
    username = draw(st.none() | blobs)
    clean_session = draw(st.booleans())
    return Connect(
        client_id=draw(texts if clean_session else texts.filter(bool)),
        username=username,
        password=None if username is None else draw(st.none() | blobs),
        keep_alive=draw(st.integers(0, 0xFFFF)),
        clean_session=clean_session,
        will=draw(st.none() | st.builds(Will, texts, blobs, qualities, st.booleans())),
    )


@st.composite
def publishes(draw: st.DrawFn) -> Publish:
    """PUBLISH of every QoS."""
    qos = draw(qualities)
    packet_id = draw(ids) if qos else None
    return Publish(draw(topics), draw(blobs), qos, packet_id, draw(st.booleans()), draw(st.booleans()))


client_packets: st.SearchStrategy[Packet] = st.one_of(
    publishes(),
    st.builds(Puback, ids),
    st.builds(Pubrec, ids),
    st.builds(Pubrel, ids),
    st.builds(Pubcomp, ids),
    st.builds(Subscribe, ids, st.lists(subscriptions, min_size=1, max_size=MAX_FILTERS_PER_PACKET).map(tuple)),
    st.builds(Unsubscribe, ids, st.lists(texts, min_size=1, max_size=MAX_FILTERS_PER_PACKET).map(tuple)),
    st.just(Pingreq()),
    st.just(Disconnect()),
)

packets: st.SearchStrategy[Packet] = st.one_of(
    client_packets,
    connects(),
    st.builds(Connack, st.sampled_from(ConnectCode), st.booleans()),
    st.builds(Suback, ids, st.lists(qualities | st.just(SUBSCRIPTION_REFUSED), max_size=70).map(tuple)),
    st.builds(Unsuback, ids),
    st.just(Pingresp()),
)
