"""What `make bench` runs: each benchmark compares the product with a floor in the same run."""
