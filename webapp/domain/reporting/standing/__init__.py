"""Who is in good standing on a day: by the rule, by a waiver, and on paper."""
