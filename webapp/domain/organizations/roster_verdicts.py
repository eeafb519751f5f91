"""What undoing would make of each row of an import, and why: one query, for the preview and for the deed."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    ScalarSelect,
    Select,
    Table,
    Uuid,
    all_,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
)

from webapp.core import tenancy
from webapp.core.db import Base, OrganizationRow
from webapp.domain.organizations.chapter import Chapter
from webapp.domain.organizations.member import Member, MemberStatus, PledgeClass
from webapp.domain.organizations.roster import (
    ImportState,
    RosterImport,
    RosterImportRow,
    RowOutcome,
    UndoOutcome,
)

CHANGING = (RowOutcome.CREATED, RowOutcome.UPDATED)
BY_HAND = "changed_by_hand"
REASONS = {
    "approval_requests": "named in an approval request",
    "billing_omissions": "left out of a billing run",
    "bulk_results": "part of a bulk action",
    "credit_notes": "given credit",
    "invitations": "invited to sign in",
    "invoices": "billed",
    "mails": "sent mail",
    "member_balances": "in the books",
    "payment_plans": "given a payment plan",
    "payments": "paid",
    "postings": "in the books",
    "processor_customers": "known to the payment processor",
    "receipt_lines": "in a batch of payments",
    "refunds": "given money back",
    "roles": "given a role",
    "saved_methods": "the owner of a saved payment method",
    "snapshot_lines": "written down in a snapshot",
    "standing_letters": "given a letter of good standing",
    "standing_waivers": "granted good standing",
    "login": "given a login",
    "by_hand": "changed by hand",
    "later_import": "changed by a later import",
}
_MADE_FIRST: dict[str, type[OrganizationRow]] = {
    "chapter_id": Chapter,
    "status_id": MemberStatus,
    "pledge_class_id": PledgeClass,
}


def referring(table: str) -> Iterator[Column[Any]]:
    """Every column that refers to rows of this table, those of other parts of the product included."""
    for other in Base.metadata.sorted_tables:
        for key in other.foreign_key_constraints:
            if key.referred_table.name == table:
                yield other.c[key.column_keys[-1]]


def stretch_of(import_: RosterImport, size: int | None) -> CTE:
    """The next rows that made or changed a member and are not undone yet, in the order of the file."""
    wanted = RosterImportRow.here().select(
        RosterImportRow.import_id == import_.id,
        RosterImportRow.outcome.in_(CHANGING),
        RosterImportRow.undo.is_(None),
    )
    columns = (
        RosterImportRow.id,
        RosterImportRow.line,
        RosterImportRow.member_id,
        RosterImportRow.outcome,
        RosterImportRow.before,
        RosterImportRow.after,
    )
    return wanted.with_only_columns(*columns).order_by(RosterImportRow.line).limit(size).cte("stretch")


def verdicts(import_: RosterImport, size: int | None = None) -> Select[Any]:
    """A line for each row of the stretch; `restored` and `kept` are names of the member's columns."""
    stretch = stretch_of(import_, size)
    traces = _traces(stretch, import_)
    member = _table(Member)
    name: Any = func.jsonb_object_keys(stretch.c.before).column_valued("name")
    as_imported = _is_as_imported(member, stretch, name)
    restored = _names(name, as_imported, stretch, member)
    kept = _names(name, not_(as_imported), stretch, member)
    outcome = case(
        (member.c.id.is_(None), UndoOutcome.GONE.value),
        (
            and_(stretch.c.outcome == RowOutcome.CREATED, traces.c.whats.is_(None)),
            UndoOutcome.REMOVED.value,
        ),
        (stretch.c.outcome == RowOutcome.CREATED, UndoOutcome.DEACTIVATED.value),
        (kept.is_(None), UndoOutcome.RESTORED.value),
        (restored.is_(None), UndoOutcome.KEPT.value),
        else_=UndoOutcome.PARTLY.value,
    )
    return (
        select(
            stretch.c.id,
            stretch.c.member_id,
            stretch.c.before,
            member.c.left_on,
            member.c.changed_by_hand,
            traces.c.whats,
            restored.label("restored"),
            kept.label("kept"),
            outcome.label("outcome"),
        )
        .select_from(stretch)
        .outerjoin(
            member,
            and_(member.c.organization_id == tenancy.organization_id(), member.c.id == stretch.c.member_id),
        )
        .outerjoin(traces, traces.c.member_id == stretch.c.member_id)
        .order_by(stretch.c.line)
    )


def _table(kind: type[Any]) -> Table:
    return Base.metadata.tables[kind.__tablename__]


def _names(name: Any, wanted: ColumnElement[bool], stretch: CTE, member: Table) -> ScalarSelect[Any]:
    return (
        select(func.array_agg(name))
        .where(name != BY_HAND, wanted)
        .correlate(stretch, member)
        .scalar_subquery()
    )


def _is_as_imported(member: Table, stretch: CTE, name: Any) -> ColumnElement[bool]:
    """Nobody changed this column since, and what it held before can be put back."""
    row = member.table_valued()
    now: Any = func.to_jsonb(row)
    then: Any = func.to_jsonb(func.jsonb_populate_record(row, stretch.c.after))
    former = stretch.c.before
    still_there = [
        or_(
            name != column,
            former[column].astext.is_(None),
            exists().where(
                kind.organization_id == tenancy.organization_id(),
                kind.id == cast(former[column].astext, Uuid),
            ),
        )
        for column, kind in _MADE_FIRST.items()
    ]
    same = now.op("->")(name) == then.op("->")(name)
    return and_(name != all_(member.c.changed_by_hand), same, *still_there)


def _traces(stretch: CTE, import_: RosterImport) -> CTE:
    """What has happened to the members since, by which they can't just be removed again."""
    here, member = tenancy.organization_id(), _table(Member)
    found = [
        select(column.label("member_id"), literal(column.table.name).label("what"))
        .join(stretch, stretch.c.member_id == column)
        .where(column.table.c.organization_id == here)
        for column in referring(Member.__tablename__)
    ]
    own = select(member.c.id, literal("login")).join(stretch, stretch.c.member_id == member.c.id)
    found.append(own.where(member.c.organization_id == here, member.c.login_id.is_not(None)))
    own = select(member.c.id, literal("by_hand")).join(stretch, stretch.c.member_id == member.c.id)
    found.append(own.where(member.c.organization_id == here, member.c.changed_by_hand != []))
    found.append(_changed_later(stretch, import_))
    every = union_all(*found).subquery("every")
    return (
        select(every.c.member_id, func.array_agg(every.c.what.distinct()).label("whats"))
        .group_by(every.c.member_id)
        .cte("traces")
    )


def _changed_later(stretch: CTE, import_: RosterImport) -> Select[Any]:
    other, of = _table(RosterImportRow).alias("other"), _table(RosterImport)
    here = tenancy.organization_id()
    brought_in = (ImportState.RUNNING, ImportState.DONE, ImportState.FAILED)
    return (
        select(other.c.member_id, literal("later_import"))
        .join(stretch, stretch.c.member_id == other.c.member_id)
        .join(of, and_(of.c.organization_id == here, of.c.id == other.c.import_id))
        .where(
            other.c.organization_id == here,
            other.c.import_id > import_.id,
            other.c.outcome == RowOutcome.UPDATED,
            other.c.undo.is_(None),
            of.c.state.in_(brought_in),
        )
    )
