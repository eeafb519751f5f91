"""Credit notes by hand: where they come from, what they settle, and how they are used up."""

from datetime import date

from tests.properties.documents import CREDIT, RECEIVABLE, WAIVERS, Bill, Line, Note, Part, Receipt, Use


class Credit:
    def __init__(self, today: date) -> None:
        self.today = today
        self.notes: list[Note] = []
        self.uses: list[Use] = []
        self.lines: list[Line] = []

    def give(self, person: str, chapter: str, amount: int) -> None:
        """Goodwill."""
        self.notes.append(Note(person, chapter, amount, None))
        self.write(self.today, WAIVERS, chapter, None, amount)
        self.write(self.today, CREDIT, chapter, person, -amount)

    def use(self, note: Note, parts: list[tuple[Bill, int]]) -> None:
        """Settle these bills with it; what they don't need is a new note."""
        self.end(note, sum(part for _, part in parts))
        for bill, part in parts:
            self._settle(note, bill, part)

    def undo_use(self, use: Use, amount: int | None = None) -> Note:
        """Take all of it or a part off the bill; that is a new note."""
        taken = use.amount if amount is None else amount
        self.uses.remove(use)
        use.bill.settle(-use.amount, self.today)
        self._move(use, use.amount)
        child = Note(use.note.person, use.note.chapter, taken, use.note.receipt, use.note)
        self.notes.append(child)
        if use.amount > taken:
            self._settle(use.note, use.bill, use.amount - taken)
        return child

    def take_off(self, receipt: Receipt, part: Part) -> None:
        """It settles nothing for now."""
        receipt.parts.remove(part)
        part.bill.settle(-part.amount, self.today)
        self.write(self.today, RECEIVABLE, part.bill.chapter, part.bill.person, part.amount)

    def put_on(self, receipt: Receipt, bill: Bill, amount: int) -> None:
        receipt.put_on(bill, amount)
        bill.settle(amount, self.today)
        self.write(self.today, RECEIVABLE, bill.chapter, bill.person, -amount)

    def keep(self, receipt: Receipt, amount: int) -> None:
        """What settles nothing becomes a credit note."""
        self.note(receipt, amount)
        self.write(self.today, CREDIT, receipt.chapter, receipt.person, -amount)

    def open_notes(self) -> list[Note]:
        """Those that somebody can use."""
        return [note for note in self.notes if note.is_open and not note.is_held]

    def note(self, receipt: Receipt, amount: int) -> None:
        if amount:
            self.notes.append(Note(receipt.person, receipt.chapter, amount, receipt))

    def end(self, note: Note, amount: int) -> None:
        """So much of it is used; the rest is a new note."""
        note.is_open = note.is_held = False
        if note.amount > amount:
            self.notes.append(Note(note.person, note.chapter, note.amount - amount, note.receipt, note))

    def take_credit(self, receipt: Receipt, amount: int) -> int:
        """How much of it credit gives: free notes first, held ones, then what settles bills, last first."""
        left = amount
        mine = [note for note in self.notes if note.receipt is receipt and note.is_open]
        for note in sorted(mine, key=lambda one: one.is_held):
            if left:
                part = min(left, note.amount)
                self.end(note, part)
                left -= part
        for use in [use for use in reversed(self.uses) if use.note.receipt is receipt]:
            if left:
                part = min(left, use.amount)
                self.undo_use(use, part).is_open = False
                left -= part
        return amount - left

    def write(self, day: date, account: str, chapter: str, person: str | None, amount: int) -> Line:
        line = Line(day, account, chapter, person, amount)
        if amount:
            self.lines.append(line)
        return line

    def _settle(self, note: Note, bill: Bill, amount: int) -> None:
        use = Use(note, bill, amount)
        self.uses.append(use)
        if note.receipt is not None:
            note.receipt.touch(bill)
        bill.settle(amount, self.today)
        self._move(use, -amount)

    def _move(self, use: Use, amount: int) -> None:
        self.write(self.today, RECEIVABLE, use.bill.chapter, use.bill.person, amount)
        self.write(self.today, CREDIT, use.note.chapter, use.note.person, -amount)
