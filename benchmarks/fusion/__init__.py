"""The yardstick for association: invented cities of reports whose truth is known, and what is made of them."""
