"""Documents against books against seals: what `flask ledger verify` looks at."""
