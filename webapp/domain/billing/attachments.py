"""What a member sends along with a hardship request: kept beside it, and given to whoever may read it."""

from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references
from webapp.domain.organizations.uploads import MediaType


class Attachment(OrganizationRow, Base):
    """What `uploads.accepted` made of a file; at most one for each adjustment."""

    __tablename__ = "adjustment_attachments"

    adjustment_id: Mapped[UUID]
    name: Mapped[str]
    media_type: Mapped[MediaType]
    digest: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)

    __table_args__ = (
        references("adjustments", "adjustment_id"),
        UniqueConstraint("organization_id", "adjustment_id"),
        CheckConstraint("digest = encode(sha256(content), 'hex')", "digest_is_the_contents"),
    )
