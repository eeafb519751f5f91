"""What a member sends along with a hardship request: kept beside it, and given to whoever may read it."""

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references
from webapp.domain.billing.adjustments import Adjustment
from webapp.domain.organizations.uploads import Document, MediaType


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

    @classmethod
    def of(cls, adjustment: Adjustment) -> Self | None:
        """Without its content, which is read only when somebody downloads it."""
        return cls.here().first(cls.adjustment_id == adjustment.id)

    @classmethod
    def names(cls, adjustment_ids: Sequence[UUID]) -> dict[UUID, str]:
        """What was sent along with these, by adjustment."""
        sent = cls.here().all(cls.adjustment_id.in_(adjustment_ids)) if adjustment_ids else []
        return {one.adjustment_id: one.name for one in sent}

    @classmethod
    def holding(cls, document: Document, adjustment: Adjustment) -> Self:
        return cls(
            adjustment_id=adjustment.id,
            name=document.name,
            media_type=document.media_type,
            digest=document.digest,
            content=document.content,
        )
