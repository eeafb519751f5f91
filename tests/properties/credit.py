"""Credit notes by hand: where they come from, what they settle, and how they go back."""

from datetime import date

from tests.properties.documents import CREDIT, RECEIVABLE, WAIVERS, Bill, Line, Note, Receipt, Use


class Credit:
    def __init__(self, today: date) -> None:
        self.today = today
        self.notes: list[Note] = []
        self.uses: list[Use] = []
        self.lines: list[Line] = []

    def give(self, person: str, chapter: str, amount: int) -> None:
        """Goodwill."""
        self.notes.append(Note(person, chapter, amount, None))
        self._line(self.today, WAIVERS, chapter, None, amount)
        self._line(self.today, CREDIT, chapter, person, -amount)

    def use(self, note: Note, parts: list[tuple[Bill, int]]) -> None:
        """Settle these bills with it; what they don't need is a new note."""
        self._end(note, sum(part for _, part in parts))
        for bill, part in parts:
            self._settle(note, bill, part)

    def undo_use(self, use: Use, amount: int | None = None) -> Note:
        """Take all of it or a part off the bill; that is a new note."""
        taken = use.amount if amount is None else amount
        self.uses.remove(use)
        use.bill.paid -= use.amount
        self._move(use, use.amount)
        child = Note(use.note.person, use.note.chapter, taken, use.note.receipt)
        self.notes.append(child)
        if use.amount > taken:
            self._settle(use.note, use.bill, use.amount - taken)
        return child

    def take_off(self, receipt: Receipt, bill: Bill) -> int:
        """What of a receipt settles a bill settles nothing for now; how much that is."""
        part = receipt.parts.pop(bill.number)
        bill.paid -= part
        self._line(self.today, RECEIVABLE, bill.chapter, bill.person, part)
        return part

    def keep(self, receipt: Receipt, amount: int) -> None:
        """What settles nothing becomes a credit note."""
        self._keep(receipt, amount)
        self._line(self.today, CREDIT, receipt.chapter, receipt.person, -amount)

    def put_on(self, receipt: Receipt, bill: Bill, amount: int) -> None:
        receipt.parts[bill.number] = receipt.parts.pop(bill.number, 0) + amount
        bill.paid += amount
        self._line(self.today, RECEIVABLE, bill.chapter, bill.person, -amount)

    def open_notes(self) -> list[Note]:
        return [note for note in self.notes if note.is_open]

    def _keep(self, receipt: Receipt, amount: int) -> None:
        if amount:
            self.notes.append(Note(receipt.person, receipt.chapter, amount, receipt))

    def _end(self, note: Note, amount: int) -> None:
        note.is_open = False
        if note.amount > amount:
            self.notes.append(Note(note.person, note.chapter, note.amount - amount, note.receipt))

    def _settle(self, note: Note, bill: Bill, amount: int) -> None:
        use = Use(note, bill, amount)
        self.uses.append(use)
        bill.paid += amount
        self._move(use, -amount)

    def _move(self, use: Use, amount: int) -> None:
        self._line(self.today, RECEIVABLE, use.bill.chapter, use.bill.person, amount)
        self._line(self.today, CREDIT, use.note.chapter, use.note.person, -amount)

    def _take_credit(self, receipt: Receipt, amount: int) -> int:
        """How much of a refund comes from credit: free notes first, then what settles bills, last first."""
        left = amount
        for note in self.open_notes():
            if note.receipt is receipt and left:
                part = min(left, note.amount)
                self._end(note, part)
                left -= part
        for use in [use for use in reversed(self.uses) if use.note.receipt is receipt]:
            if left:
                part = min(left, use.amount)
                self.undo_use(use, part).is_open = False
                left -= part
        return amount - left

    def _line(self, day: date, account: str, chapter: str, person: str | None, amount: int) -> Line:
        line = Line(day, account, chapter, person, amount)
        if amount:
            self.lines.append(line)
        return line
