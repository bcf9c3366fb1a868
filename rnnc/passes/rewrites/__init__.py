"""What several passes do: values lifted out of loops, products packed, sums regrouped."""
