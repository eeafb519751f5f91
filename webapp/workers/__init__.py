"""Thin jobs: each takes ids and calls one function of the domain in a transaction."""
