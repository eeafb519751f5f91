"""How much of what was owed came in, over any days: from documents, so that a past day stays as it was."""
