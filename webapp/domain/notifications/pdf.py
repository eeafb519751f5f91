"""Rendered invoices, kept by their content so the same letter is drawn once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, func
from sqlalchemy.orm import Mapped, mapped_column

from webapp.core.db import Base, OrganizationRow, references


class InvoicePdf(OrganizationRow, Base):
    """`content_hash` covers everything the page shows; another hash is another drawing."""

    __tablename__ = "invoice_pdfs"

    invoice_id: Mapped[UUID]
    content_hash: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    rendered_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        references("invoices", "invoice_id"),
        Index("uq_invoice_pdfs_content", "organization_id", "invoice_id", "content_hash", unique=True),
    )
