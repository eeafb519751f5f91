"""Who is who in the demo, what they owe and how they pay. The same seed tells the same story."""
