"""A make-believe payment processor that speaks Stripe's language, for demo and tests. It charges nobody."""
