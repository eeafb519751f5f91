"""A chapter's health as a number from 0 to 100: the published method, what it measures, what is kept."""
