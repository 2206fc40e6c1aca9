"""Measurements that print ratios against known engines in the same run; not part of the product."""
