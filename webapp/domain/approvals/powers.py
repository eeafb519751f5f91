"""What somebody may decide as the second person: by role, by the policy, or in somebody's place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from webapp.domain.approvals import policy
from webapp.domain.approvals.action import Action
from webapp.domain.approvals.delegation import delegators_of
from webapp.domain.approvals.policy import Limit, Place, Right
from webapp.domain.organizations import Login, RoleName
from webapp.domain.organizations.access import Access


@dataclass(frozen=True)
class Powers:
    """`up_to` is what the policy lets treasurers decide in their chapters, `in_place_of` who delegates."""

    is_national_admin: bool = False
    chapter_ids: frozenset[UUID] = frozenset()
    up_to: Mapping[Action, Limit] = field(default_factory=dict)
    in_place_of: frozenset[UUID] = frozenset()

    @classmethod
    def of(cls, login: Login, *, on: date, access: Access | None = None, lock: bool = False) -> "Powers":
        """With `lock`, as they are now and until this transaction ends. `access` saves reading the roles."""
        held = access or Access(policy.roles_of(login, lock=lock))
        if held.is_national_admin:
            return cls(is_national_admin=True)
        if not held.has(RoleName.TREASURER):
            return cls()
        said = policy.limits(lock=lock)
        places = {action: Place(RoleName.TREASURER, action, Right.SECOND) for action in Action}
        return cls(
            chapter_ids=frozenset(held.chapter_ids),
            up_to={action: said[place] for action, place in places.items() if said.get(place, 0) != 0},
            in_place_of=delegators_of(login, on=on, lock=lock),
        )

    def __bool__(self) -> bool:
        return self.is_national_admin or bool(self.up_to) or bool(self.in_place_of)

    def cover(
        self, action: Action, amount: int, *, chapter_id: UUID, asked_by_id: UUID | None = None
    ) -> bool:
        """Nobody's delegate decides what that person asked for."""
        if self.is_national_admin or self.in_place_of - {asked_by_id}:
            return True
        named = chapter_id in self.chapter_ids and action in self.up_to
        return named and policy.covers(self.up_to[action], amount)


def may_decide(
    login: Login,
    action: Action,
    amount: int,
    *,
    chapter_id: UUID,
    on: date,
    asked_by_id: UUID | None = None,
    lock: bool = False,
) -> bool:
    """Whether this login can be the second person here, if it is not the first as well."""
    powers = Powers.of(login, on=on, lock=lock)
    return powers.cover(action, amount, chapter_id=chapter_id, asked_by_id=asked_by_id)
