"""GalleryPerson -> gait_reid_msgs/Person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gait_reid.core.gallery.records import GalleryPerson
from gait_reid_common.stamps import to_stamp

if TYPE_CHECKING:
    from gait_reid_msgs.msg import Person


def to_message(person: GalleryPerson) -> Person:
    """Return the message of one person."""
    from gait_reid_msgs.msg import Person

    return Person(
        person_id=person.person_id,
        display_name=person.display_name,
        num_records=person.num_records,
        model_ids=list(person.model_ids),
        aliases=list(person.aliases),
        consent=person.consent,
        created=to_stamp(person.created_ns),
        has_expiry=person.expires_ns is not None,
        expires=to_stamp(person.expires_ns or 0),
    )
