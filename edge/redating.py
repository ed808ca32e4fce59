"""Batches made while the time was in doubt are dated anew once it is known. Pure."""

from collections.abc import Collection

import msgspec

from transport.batch import Batch, Group, decode_batch, encode_batch
from transport.measurement import Quality


def redate(body: bytes, devices: Collection[str], by_ms: int) -> bytes:
    """A batch with the readings of ``devices`` moved by ``by_ms``, and no longer in doubt.

    Raises:
        WireError: The body is no batch.
    """
    batch = decode_batch(body)
    groups = [_moved(group, by_ms) if group.device in devices else group for group in batch.groups]
    good_until_ms = {
        device: at_ms + by_ms if device in devices else at_ms for device, at_ms in batch.good_until_ms.items()
    }
    earliest_ms = min((min(group.offsets_ms, default=0) for group in groups), default=0)
    return encode_batch(
        Batch(
            gateway=batch.gateway,
            epoch=batch.epoch,
            seq=batch.seq,
            origin_ms=batch.origin_ms + earliest_ms,
            groups=[_shifted(group, -earliest_ms) for group in groups],
            good_until_ms=good_until_ms,
        )
    )


def _moved(group: Group, by_ms: int) -> Group:
    marks = [mark for mark in group.marks if mark[2] is not Quality.DOUBTFUL_TIME]
    return msgspec.structs.replace(_shifted(group, by_ms), marks=marks)


def _shifted(group: Group, by_ms: int) -> Group:
    return msgspec.structs.replace(group, offsets_ms=[offset + by_ms for offset in group.offsets_ms])
