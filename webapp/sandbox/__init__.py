"""A make-believe payment processor that speaks Stripe's language, for the demo and the tests. It never
charges anybody."""
